/** Files dropped on the page, or chosen, are stored through STOW-RS. */
import { Button, Overlay, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { IconUpload } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { storeFiles } from '../../api/dicomweb';
import { useMay } from '../../api/session';
import { notifyDone, notifyProblem } from '../../parts/notify';
import { countText } from '../../parts/words';
import classes from './UploadArea.module.css';

function useUpload() {
  return useMutation({
    mutationFn: async (files: File[]) => {
      const id = notifications.show({
        loading: true,
        autoClose: false,
        withCloseButton: false,
        message: 'Sending…',
      });
      const progress = (sent: number) => {
        const message = `Sent ${sent.toLocaleString('en')} of ${countText(files.length, 'file')}`;
        notifications.update({ id, loading: true, autoClose: false, message });
      };
      try {
        return await storeFiles(files, progress);
      } finally {
        notifications.hide(id);
      }
    },
    onSuccess: ({ stored, refused }) => {
      const some = refused > 0 ? `, ${countText(refused, 'file')} refused` : '';
      notifyDone(`Stored ${countText(stored, 'file')}${some}`);
    },
    onError: notifyProblem,
  });
}

interface UploadAreaProps {
  /** The page, given the upload button (nothing for those who may not upload). */
  children: (button: ReactNode) => ReactNode;
}

export function UploadArea({ children }: UploadAreaProps) {
  const allowed = useMay()('dicomweb.write');
  const upload = useUpload();
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const send = (list: FileList | null) => {
    if (list !== null && list.length > 0) upload.mutate([...list]);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    send(event.dataTransfer.files);
  };
  const hover = (event: DragEvent) => {
    event.preventDefault();
    setOver(true);
  };
  if (!allowed) return children(null);

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the button does the same for keyboard and assistive technology
    <div className={classes.area} onDragOver={hover} onDragLeave={() => setOver(false)} onDrop={drop}>
      {children(
        <>
          <input
            ref={input}
            type="file"
            multiple
            hidden
            onChange={(event) => send(event.currentTarget.files)}
          />
          <Button
            variant="default"
            size="xs"
            leftSection={<IconUpload size={14} stroke={1.8} aria-hidden />}
            loading={upload.isPending}
            onClick={() => input.current?.click()}
          >
            Upload images
          </Button>
        </>,
      )}
      {over && (
        <Overlay className={classes.over} backgroundOpacity={0.7} center>
          <Text size="lg">Drop DICOM files to store them</Text>
        </Overlay>
      )}
    </div>
  );
}
