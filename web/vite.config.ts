import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The server during development: `lightbox serve --http 127.0.0.1:8080`. */
const server = process.env.LIGHTBOX_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { xmlbuilder2: fileURLToPath(new URL('src/pages/study/noMeshes.ts', import.meta.url)) } },
  server: { proxy: { '/api': server, '/dicomweb': server, '/ohif': server } },
  // Pre-bundling would break the loader's `new URL(…, import.meta.url)` references to its worker and codecs;
  // its CommonJS dependencies still need it.
  optimizeDeps: {
    exclude: ['@cornerstonejs/dicom-image-loader'],
    include: ['dicom-parser', 'pako', 'uuid'],
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The Content-Security-Policy allows `data:` for images only, so nothing else may be inlined.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4000,
  },
});
