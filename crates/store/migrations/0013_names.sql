-- A name's beginning may be that of thousands of patients, of whose studies the newest are asked for: all that their order
-- depends on is in the index.
DROP INDEX studies_name;
CREATE INDEX studies_name ON studies (patient_name_alphabetic, study_date DESC, study_time DESC, study_instance_uid,
                                      number_of_study_related_instances);
