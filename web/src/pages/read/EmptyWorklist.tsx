import { Code, List } from '@mantine/core';
import { Link } from 'react-router';
import { useMay } from '../../api/session';
import { EmptyState } from '../../parts/EmptyState';

/** The first start's path: let a study in, and see what AI says. */
export function EmptyWorklist() {
  const may = useMay();
  return (
    <EmptyState title="No study has arrived yet">
      Each study that reaches Lightbox appears here within a second, with what AI found, or why it did not
      run.
      <List type="ordered" spacing="xs" mt="md">
        <List.Item>
          Send one from a modality or PACS, or from a command line:
          <Code
            block
            mt={6}
          >{`storescu -aet MY_SCANNER -aec LIGHTBOX ${location.hostname} 11112 image.dcm`}</Code>
        </List.Item>
        <List.Item>
          An unknown sender is turned away at first.{' '}
          {may('peer.admit') ? (
            <>
              It then waits under <Link to="/admin/peers">Peers</Link>, where one click admits it; send again
              after that.
            </>
          ) : (
            'An administrator admits it under Peers; send again after that.'
          )}
        </List.Item>
        {may('dicomweb.write') && <List.Item>Or drop DICOM files anywhere on this page.</List.Item>}
      </List>
    </EmptyState>
  );
}
