import { NavLink, Text } from '@mantine/core';
import { Link, useLocation } from 'react-router';
import { useMay } from '../api/session';
import classes from './Frame.module.css';
import { menu } from './menu';

/** The pages this person may use. On a narrow window only their symbols show. */
export function Navigation() {
  const may = useMay();
  const { pathname } = useLocation();
  const allowed = menu.filter(({ action }) => may(action));
  const sections = (['work', 'admin'] as const).map((section) => ({
    section,
    entries: allowed.filter((entry) => entry.section === section),
  }));
  return sections.map(({ section, entries }) => (
    <div key={section} className={classes.section}>
      {section === 'admin' && entries.length > 0 && (
        <Text size="xs" c="dimmed" px="sm" pb={4} className={classes.wide}>
          Admin
        </Text>
      )}
      {entries.map(({ path, label, Glyph }) => (
        <NavLink
          key={path}
          component={Link}
          to={path}
          active={pathname.startsWith(path)}
          aria-current={pathname.startsWith(path) ? 'page' : undefined}
          aria-label={label}
          title={label}
          label={<span className={classes.wide}>{label}</span>}
          leftSection={<Glyph size={18} stroke={1.6} aria-hidden />}
          className={classes.entry}
        />
      ))}
    </div>
  ));
}
