/**
 * Stands in for `xmlbuilder2` (see vite.config.ts), with which vtk.js reads polygon meshes: the viewer shows
 * none, and the package needs Node's modules, which a browser lacks.
 */
export function create(): never {
  throw new Error('this viewer reads no XML meshes');
}
