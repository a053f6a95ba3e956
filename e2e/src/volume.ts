/** A CT series of a phantom: a ball in air, made by dcmtk's `dump2dcm` from text and raw pixels. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Rows and columns. */
const side = 128;

/** Stored values of air, water and bone; the rescale intercept is −1024. */
const [air, water, bone] = [24, 1064, 2024];

export interface Volume {
  study: string;
  patientId: string;
  slices: number;
}

/** Sends a series of so many slices from `aeTitle` by `storescu`. */
export async function sendVolume(
  { dicom, ae_title }: { dicom: string; ae_title: string },
  aeTitle: string,
  slices: number,
): Promise<Volume> {
  const volume = { study: '2.25.3001', patientId: 'PHANTOM-CT', slices };
  const folder = await mkdtemp(join(tmpdir(), 'lightbox-volume-'));
  const files = join(folder, 'files');
  await mkdir(files);
  for (let index = 0; index < slices; index += 1) {
    const [raw, dump] = [join(folder, 'pixels.raw'), join(folder, 'slice.txt')];
    await writeFile(raw, pixelsOf(index, slices));
    await writeFile(dump, dumpOf(volume, index, raw));
    await run('dump2dcm', ['--write-xfer-little', dump, join(files, `${index}.dcm`)]);
  }
  const [host = '', port = ''] = dicom.split(':');
  await run('storescu', ['--scan-directories', '--aetitle', aeTitle, '--call', ae_title, host, port, files]);
  await rm(folder, { recursive: true, force: true });
  return volume;
}

/** A ball of water with a shell of bone, cut at this slice. */
function pixelsOf(index: number, slices: number): Uint8Array {
  const pixels = new Uint16Array(side * side);
  const depth = 0.8 * ((index + 0.5) / slices - 0.5);
  for (let at = 0; at < pixels.length; at += 1) {
    const [row, column] = [Math.floor(at / side) / side - 0.5, (at % side) / side - 0.5];
    const radius = Math.hypot(row, column, depth);
    pixels[at] = radius > 0.45 ? air : radius > 0.4 ? bone : water + Math.round(100 * column);
  }
  return new Uint8Array(pixels.buffer);
}

function dumpOf({ study, patientId, slices }: Volume, index: number, raw: string): string {
  const elements: [string, string, string | number][] = [
    ['0008,0016', 'UI', '1.2.840.10008.5.1.4.1.1.2'],
    ['0008,0018', 'UI', `${study}.1.${index + 1}`],
    ['0008,0020', 'DA', '20260102'],
    ['0008,0030', 'TM', '101500'],
    ['0008,0050', 'SH', 'PHANTOM1'],
    ['0008,0060', 'CS', 'CT'],
    ['0008,0070', 'LO', 'Lightbox tests'],
    ['0008,1030', 'LO', 'Ball in air'],
    ['0008,103e', 'LO', 'Axial 2 mm'],
    ['0010,0010', 'PN', 'Phantom^Ball'],
    ['0010,0020', 'LO', patientId],
    ['0010,0030', 'DA', '19700101'],
    ['0010,0040', 'CS', 'O'],
    ['0018,0050', 'DS', 2],
    ['0018,5100', 'CS', 'HFS'],
    ['0020,000d', 'UI', study],
    ['0020,000e', 'UI', `${study}.1`],
    ['0020,0010', 'SH', 'PHANTOM1'],
    ['0020,0011', 'IS', 1],
    ['0020,0013', 'IS', index + 1],
    ['0020,0032', 'DS', `-64\\-64\\${(index - slices / 2) * 2}`],
    ['0020,0037', 'DS', '1\\0\\0\\0\\1\\0'],
    ['0020,0052', 'UI', `${study}.2`],
    ['0028,0002', 'US', 1],
    ['0028,0004', 'CS', 'MONOCHROME2'],
    ['0028,0010', 'US', side],
    ['0028,0011', 'US', side],
    ['0028,0030', 'DS', '1\\1'],
    ['0028,0100', 'US', 16],
    ['0028,0101', 'US', 12],
    ['0028,0102', 'US', 11],
    ['0028,0103', 'US', 0],
    ['0028,1050', 'DS', 40],
    ['0028,1051', 'DS', 400],
    ['0028,1052', 'DS', -1024],
    ['0028,1053', 'DS', 1],
  ];
  const lines = elements.map(([tag, vr, value]) => `(${tag}) ${vr} ${vr === 'US' ? value : `[${value}]`}`);
  return [...lines, `(7fe0,0010) OW =${raw}`, ''].join('\n');
}
