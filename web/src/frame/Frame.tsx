/** What surrounds every page of a signed-in person. */
import { AppShell } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Navigate, Outlet, useLocation, useMatch } from 'react-router';
import { useLive } from '../api/live';
import { useSession } from '../api/session';
import { ProblemNotice } from '../parts/ProblemNotice';
import classes from './Frame.module.css';
import { Navigation } from './Navigation';
import { Search } from './Search';
import { ShortcutHelp } from './ShortcutHelp';
import { useShortcuts } from './shortcuts';
import { TopBar } from './TopBar';

/** Lets only signed-in people in, and remembers where they wanted to go. */
export function Frame() {
  const session = useSession();
  const { pathname, search } = useLocation();
  if (session.isPending) return null;
  if (session.isError) {
    return <ProblemNotice error={session.error} onRetry={() => void session.refetch()} />;
  }
  if (session.data === null || session.data.password_change_required) {
    const next =
      pathname === '/' || pathname === '/read' ? '' : `?next=${encodeURIComponent(pathname + search)}`;
    return <Navigate to={`/login${next}`} replace />;
  }
  return <SignedIn />;
}

function SignedIn() {
  const live = useLive();
  const [helpOpened, help] = useDisclosure(false);
  const reading = useMatch('/read/:study') !== null;
  useShortcuts('Everywhere', [{ key: '?', what: 'Show this list', run: help.open }]);

  return (
    <>
      <a href="#main" className={classes.skip}>
        Skip to content
      </a>
      {reading ? (
        <Outlet />
      ) : (
        <AppShell header={{ height: 48 }} padding={0} layout="default" className={classes.shell}>
          <AppShell.Header>
            <TopBar live={live} onHelp={help.open} />
          </AppShell.Header>
          <div className={classes.columns}>
            <nav className={classes.navigation} aria-label="Pages">
              <Navigation />
            </nav>
            <main id="main" className={classes.main} tabIndex={-1}>
              <Outlet />
            </main>
          </div>
        </AppShell>
      )}
      <Search />
      <ShortcutHelp opened={helpOpened} onClose={help.close} />
    </>
  );
}
