import { ActionIcon, Menu } from '@mantine/core';
import { IconDots, IconExternalLink, IconEye, IconTimeline } from '@tabler/icons-react';
import { Link, type To } from 'react-router';
import type { WorklistItem } from '../../api/types';
import { ohifAddress } from '../../parts/ohif';
import { timelineAddress } from '../../parts/timeline';
import { personName } from '../../parts/words';

interface StudyMenuProps {
  study: WorklistItem;
  /** Our own viewer with this study. */
  address: To;
}

/** What can be done with a study of the list. */
export function StudyMenu({ study, address }: StudyMenuProps) {
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="sm"
          aria-label={`Actions for ${personName(study.patient_name)}`}
        >
          <IconDots size={16} stroke={1.7} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to={address} leftSection={<IconEye size={16} stroke={1.7} aria-hidden />}>
          Open study
        </Menu.Item>
        <Menu.Item
          component={Link}
          to={timelineAddress(study.study_instance_uid)}
          leftSection={<IconTimeline size={16} stroke={1.7} aria-hidden />}
        >
          Timeline
        </Menu.Item>
        <Menu.Item
          component="a"
          href={ohifAddress(study.study_instance_uid)}
          target="_blank"
          rel="noreferrer"
          leftSection={<IconExternalLink size={16} stroke={1.7} aria-hidden />}
        >
          Open in OHIF
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
