/** Every page and where it lives. The viewer comes in a bundle of its own. */
import { createBrowserRouter, Navigate } from 'react-router';
import { Frame } from './frame/Frame';
import { CrashPage } from './pages/CrashPage';
import { ConflictsPage } from './pages/conflicts/ConflictsPage';
import { CorrectionsPage } from './pages/corrections/CorrectionsPage';
import { DeletionsPage } from './pages/deletions/DeletionsPage';
import { DeploymentsPage } from './pages/deployments/DeploymentsPage';
import { EventsPage } from './pages/events/EventsPage';
import { LoginPage } from './pages/login/LoginPage';
import { NotFoundPage } from './pages/NotFoundPage';
import { PeersPage } from './pages/peers/PeersPage';
import { ReadPage } from './pages/read/ReadPage';
import { StudiesPage } from './pages/studies/StudiesPage';
import { SystemPage } from './pages/system/SystemPage';
import { TimelinePage } from './pages/timeline/TimelinePage';
import { UnmatchedPage } from './pages/unmatched/UnmatchedPage';

export const router = createBrowserRouter([
  { path: '/login', Component: LoginPage },
  {
    Component: Frame,
    ErrorBoundary: CrashPage,
    children: [
      { index: true, element: <Navigate to="/read" replace /> },
      { path: '/read', Component: ReadPage },
      {
        path: '/read/:study',
        lazy: async () => ({ Component: (await import('./pages/study/StudyPage')).StudyPage }),
        HydrateFallback: () => null,
      },
      { path: '/studies', Component: StudiesPage },
      { path: '/studies/:study', Component: TimelinePage },
      { path: '/studies/:study/corrections', Component: CorrectionsPage },
      { path: '/unmatched', Component: UnmatchedPage },
      { path: '/deployments', Component: DeploymentsPage },
      { path: '/admin/peers', Component: PeersPage },
      { path: '/admin/events', Component: EventsPage },
      { path: '/admin/conflicts', Component: ConflictsPage },
      { path: '/admin/deletions', Component: DeletionsPage },
      { path: '/admin/system', Component: SystemPage },
      { path: '*', Component: NotFoundPage },
    ],
  },
]);
