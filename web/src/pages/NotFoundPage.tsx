import { Link } from 'react-router';
import { Page } from '../frame/Page';

export function NotFoundPage() {
  return (
    <Page title="No such page" purpose="The address leads nowhere.">
      <Link to="/read">Go to the worklist</Link>
    </Page>
  );
}
