/** Attributes of studies and patients as people call them. */

const words: Record<string, string> = {
  PatientID: 'Patient ID',
  IssuerOfPatientID: 'Issuer of patient ID',
  PatientName: 'Patient name',
  PatientBirthDate: 'Birth date',
  PatientSex: 'Sex',
  AccessionNumber: 'Accession number',
  StudyDate: 'Study date',
  StudyTime: 'Study time',
  StudyID: 'Study ID',
  StudyDescription: 'Study description',
  ReferringPhysicianName: 'Referring physician',
};

export function attributeWords(keyword: string): string {
  return words[keyword] ?? keyword;
}

/** How a value of this representation is written (PS3.5 §6.2). */
const forms: Record<string, string> = {
  DA: 'YYYYMMDD',
  TM: 'HHMMSS',
  PN: 'Family^Given',
  CS: 'F, M or O',
};

export function formOf(vr: string): string | undefined {
  return forms[vr];
}

const patterns: Record<string, RegExp> = {
  DA: /^(\d{8})?$/,
  TM: /^(\d{2}|\d{4}|\d{6}(\.\d{1,6})?)?$/,
  CS: /^[FMO]?$/,
  SH: /^[^\\]{0,16}$/,
  LO: /^[^\\]{0,64}$/,
};

/** What is wrong with a value at first sight; the server looks closer. */
export function complaintOf(vr: string, value: string): string | undefined {
  if (patterns[vr]?.test(value.trim()) ?? true) return undefined;
  return forms[vr] ? `Write ${forms[vr]}` : 'Too long, or it has a backslash';
}
