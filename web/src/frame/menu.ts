/** The pages that exist, and the action a person must be allowed to see each. */
import {
  type Icon,
  IconArrowsDiff,
  IconBuildingHospital,
  IconFolderSearch,
  IconHistory,
  IconLinkOff,
  IconRocket,
  IconServer2,
  IconStethoscope,
  IconTrash,
} from '@tabler/icons-react';

export interface MenuEntry {
  path: string;
  label: string;
  /** For the search: what one does there. */
  purpose: string;
  Glyph: Icon;
  action: string;
  section: 'work' | 'admin';
}

export const menu: MenuEntry[] = [
  {
    path: '/read',
    label: 'Read',
    purpose: 'Studies and what AI found in them',
    Glyph: IconStethoscope,
    action: 'study.read',
    section: 'work',
  },
  {
    path: '/studies',
    label: 'Studies',
    purpose: 'Find any study, and see what happened to it',
    Glyph: IconFolderSearch,
    action: 'study.read',
    section: 'work',
  },
  {
    path: '/unmatched',
    label: 'Unmatched',
    purpose: 'Studies that fit no order, or contradict what is known of the patient',
    Glyph: IconLinkOff,
    action: 'order.read',
    section: 'work',
  },
  {
    path: '/deployments',
    label: 'Deployments',
    purpose: 'Which releases run here, and their thresholds',
    Glyph: IconRocket,
    action: 'deployment.read',
    section: 'work',
  },
  {
    path: '/admin/peers',
    label: 'Peers',
    purpose: 'Who may send studies, and where results go',
    Glyph: IconBuildingHospital,
    action: 'peer.read',
    section: 'admin',
  },
  {
    path: '/admin/conflicts',
    label: 'Conflict shelf',
    purpose: 'What arrived under a UID that something else has',
    Glyph: IconArrowsDiff,
    action: 'conflict.read',
    section: 'admin',
  },
  {
    path: '/admin/deletions',
    label: 'Deletions',
    purpose: 'What was deleted, by whom and why',
    Glyph: IconTrash,
    action: 'study.delete',
    section: 'admin',
  },
  {
    path: '/admin/system',
    label: 'System',
    purpose: 'Disk, jobs and associations now',
    Glyph: IconServer2,
    action: 'system.read',
    section: 'admin',
  },
  {
    path: '/admin/events',
    label: 'Event log',
    purpose: 'Who did what to which object',
    Glyph: IconHistory,
    action: 'event.read',
    section: 'admin',
  },
];
