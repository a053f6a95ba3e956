/** Starts Cornerstone3D once, and names what the viewer uses of it. */
import { imageLoader, init as initCore, RenderingEngine } from '@cornerstonejs/core';
import { init as initLoader } from '@cornerstonejs/dicom-image-loader';
import {
  addTool,
  init as initTools,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  Enums as ToolsEnums,
  type Types,
  WindowLevelTool,
  ZoomTool,
} from '@cornerstonejs/tools';

import { loadFrame } from './loader';

export const engineId = 'lightbox';
export const viewportId = 'image';

/** What the primary mouse button does. */
export type Tool = 'window' | 'zoom' | 'pan';

const toolNames: Record<Tool, string> = {
  window: WindowLevelTool.toolName,
  zoom: ZoomTool.toolName,
  pan: PanTool.toolName,
};

let tools: Types.IToolGroup | undefined;
let engine: RenderingEngine | undefined;

/**
 * The one rendering engine. Without WebGL the core draws on the CPU by itself; decoding stays in
 * web workers either way.
 */
export function startEngine(): RenderingEngine {
  if (engine !== undefined) return engine;
  initCore();
  initTools();
  initLoader({ maxWebWorkers: 2 });
  imageLoader.registerImageLoader('wadors', loadFrame);
  for (const tool of [WindowLevelTool, ZoomTool, PanTool, StackScrollTool]) addTool(tool);
  tools = ToolGroupManager.createToolGroup('lightbox');
  for (const name of [...Object.values(toolNames), StackScrollTool.toolName]) tools?.addTool(name);
  engine = new RenderingEngine(engineId);
  tools?.addViewport(viewportId, engineId);
  return engine;
}

/**
 * Binds the mouse: the primary button does what the person chose, the secondary zooms, the middle
 * pans, and the wheel moves through a stack or zooms a single image.
 */
export function bindTools(primary: Tool, imageCount: number): void {
  if (tools === undefined) return;
  const { Primary, Secondary, Auxiliary, Wheel } = ToolsEnums.MouseBindings;
  const buttonsOf: Record<string, number[]> = {
    [WindowLevelTool.toolName]: [],
    [ZoomTool.toolName]: imageCount > 1 ? [Secondary] : [Secondary, Wheel],
    [PanTool.toolName]: [Auxiliary],
    [StackScrollTool.toolName]: imageCount > 1 ? [Wheel] : [],
  };
  buttonsOf[toolNames[primary]]?.push(Primary);
  for (const name of Object.keys(buttonsOf)) tools.setToolPassive(name, { removeAllBindings: true });
  for (const [name, buttons] of Object.entries(buttonsOf)) {
    const bindings = buttons.map((mouseButton) => ({ mouseButton }));
    if (bindings.length > 0) tools.setToolActive(name, { bindings });
  }
}
