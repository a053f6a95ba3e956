import { comparesAll } from '../src/greys';
import { readSamples, type Sample, type Server, startUsedServer } from '../src/server';
import { signIn, test } from '../src/test';

let server: Server;
let films: Sample[];
test.beforeAll(async () => {
  films = (await readSamples()).filter(({ file }) => file.startsWith('film-'));
  server = await startUsedServer(...films.map(({ file }) => file));
});
test.afterAll(() => server.stop());

test('each encoding shows its greys', async ({ page }) => {
  test.slow();
  await signIn(page, server);
  await comparesAll(page, server, films);
});
