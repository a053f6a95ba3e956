/** The real binary on a folder and ports of its own, and dcmtk beside it. */
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { request } from '@playwright/test';

const run = promisify(execFile);

/** The password of admin in every test but those of the first sign-in. */
export const password = 'a password for the tests';

/** What `serve --json` prints once it is ready. */
interface Ready {
  http: string;
  dicom: string;
  ae_title: string;
  one_time: { name: string; password: string };
}

export interface Server extends Ready {
  /** Runs a command of the binary on this server's data folder. */
  command: (...words: string[]) => Promise<string>;
  /** Sends samples by `storescu`, each in the encoding it has; fails unless all are stored. */
  send: (aeTitle: string, ...files: string[]) => Promise<void>;
  stop: () => Promise<void>;
}

/** One image of `samples.json` or `specialties.json`. */
export interface Sample {
  file: string;
  /** Where it lies. */
  path: string;
  transfer_syntax_uid: string;
  study_instance_uid: string;
  series_instance_uid: string;
  sop_instance_uid: string;
  encoding?: string;
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo xtask test --only e2e\` sets it`);
  return value;
}

/** The films. */
export function readSamples(): Promise<Sample[]> {
  return readDescription(setting('LIGHTBOX_SAMPLES'), 'samples');
}

/** The objects of eyes and teeth. */
export function readSpecialties(): Promise<Sample[]> {
  return readDescription(setting('LIGHTBOX_SPECIALTIES'), 'specialties');
}

async function readDescription(folder: string, name: string): Promise<Sample[]> {
  const text = await readFile(join(folder, `${name}.json`), 'utf8');
  const samples = (JSON.parse(text) as Record<string, Sample[]>)[name] ?? [];
  return samples.map((sample) => ({ ...sample, path: join(folder, sample.file) }));
}

/** Starts a server with the chest film app at work, unless `app` is false. */
export async function startServer({ app = true } = {}): Promise<Server> {
  const data = await mkdtemp(join(tmpdir(), 'lightbox-e2e-'));
  const binary = setting('LIGHTBOX_BIN');
  const command = async (...words: string[]) => (await run(binary, [...words, '--data', data])).stdout.trim();
  if (app) await command('deploy', setting('LIGHTBOX_APP'));

  const addresses = ['--http', '127.0.0.1:0', '--dicom', '127.0.0.1:0'];
  const child = spawn(binary, ['serve', '--json', '--data', data, ...addresses], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const firstLine = new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve));
  const line = await Promise.race([firstLine, ended]);
  if (typeof line !== 'string') throw new Error(`the server did not start:\n${log}`);
  const ready = JSON.parse(line) as Ready;

  const stop = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    await rm(data, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the server ended with ${code}:\n${log}`);
  };
  return { ...ready, command, stop, send: (aeTitle, ...files) => send(ready, aeTitle, files) };
}

/** A server on which the first sign-in is done, the peer `E2E` may send, and has sent these samples. */
export async function startUsedServer(...files: string[]): Promise<Server> {
  const server = await startServer();
  await server.command('peer', 'allow', 'E2E');
  await server.send('E2E', ...files);
  const api = await request.newContext({ baseURL: server.http, extraHTTPHeaders: { 'X-Lightbox': '1' } });
  await api.post('/api/v1/session', { data: server.one_time, failOnStatusCode: true });
  await api.post('/api/v1/session/password', { data: { new_password: password }, failOnStatusCode: true });
  await api.dispose();
  return server;
}

/** dcmtk proposes the encoding of a file only if told to. */
const proposals: Record<string, string> = {
  '1.2.840.10008.1.2': '--propose-implicit',
  '1.2.840.10008.1.2.1': '--propose-little',
  '1.2.840.10008.1.2.1.99': '--propose-deflated',
  '1.2.840.10008.1.2.4.50': '--propose-jpeg8',
  '1.2.840.10008.1.2.4.70': '--propose-lossless',
  '1.2.840.10008.1.2.4.80': '--propose-jls-lossless',
  '1.2.840.10008.1.2.4.90': '--propose-j2k-lossless',
  '1.2.840.10008.1.2.5': '--propose-rle',
};

async function send({ dicom, ae_title }: Ready, aeTitle: string, files: string[]): Promise<void> {
  const [host = '', port = ''] = dicom.split(':');
  const samples = [...(await readSamples()), ...(await readSpecialties())];
  for (const file of files) {
    const sample = samples.find((each) => each.file === file);
    const propose = sample && proposals[sample.transfer_syntax_uid];
    if (sample === undefined || propose === undefined) throw new Error(`${file} is no sample that storescu can send`);
    const address = ['--aetitle', aeTitle, '--call', ae_title, host, port];
    await run('storescu', ['--required', propose, ...address, sample.path]);
  }
}
