/** The pages that exist, and the action a person must be allowed to see each. */
import {
  type Icon,
  IconBuildingHospital,
  IconHistory,
  IconRocket,
  IconStethoscope,
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
    path: '/admin/events',
    label: 'Event log',
    purpose: 'Who did what to which object',
    Glyph: IconHistory,
    action: 'event.read',
    section: 'admin',
  },
];
