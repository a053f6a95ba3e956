/** One Cornerstone stack viewport in an element, as state and actions of React. */
import { Enums, type StackViewport } from '@cornerstonejs/core';
import { useCallback, useEffect, useState } from 'react';
import { bindTools, startEngine, type Tool, viewportId } from './cornerstone';
import { type Affine, imageToViewport } from './overlay';
import { type GreyRange, rangeOfWindow } from './presentation';

/** What the viewport shows at this moment. */
export interface Picture {
  imageId: string;
  columns: number;
  rows: number;
  color: boolean;
  /** The lowest and highest value that occur in the image. */
  values: GreyRange;
  /** The values shown black and white. */
  window: GreyRange;
  inverted: boolean;
  transform: Affine;
}

export interface StackView {
  /** Undefined until the first image is drawn. */
  picture: Picture | undefined;
  error: Error | undefined;
  setWindow: (window: GreyRange) => void;
  toggleInvert: () => void;
  reset: () => void;
  /** Moves through the stack; stops at its ends. */
  step: (count: number) => void;
}

/** MONOCHROME1 images are drawn inverted to look right; "inverted" to a person is relative to that. */
function naturalInvert(viewport: StackViewport): boolean {
  return viewport.getCornerstoneImage()?.invert ?? false;
}

function pictureOf(viewport: StackViewport): Picture | undefined {
  const image = viewport.getCornerstoneImage();
  const transform = image && imageToViewport(viewport);
  const { voiRange, invert } = viewport.getProperties();
  if (!image || !transform || !voiRange) return undefined;
  return {
    imageId: image.imageId,
    columns: image.columns,
    rows: image.rows,
    color: image.color,
    values: { lower: image.minPixelValue, upper: image.maxPixelValue },
    window: { lower: voiRange.lower, upper: voiRange.upper },
    inverted: invert !== naturalInvert(viewport),
    transform,
  };
}

async function showStack(viewport: StackViewport, imageIds: string[], first: number): Promise<void> {
  await viewport.setStack(imageIds, first);
  viewport.setProperties({ invert: naturalInvert(viewport) });
  viewport.resetCamera();
  viewport.render();
}

/** Enables a viewport in `element` while mounted; `onRendered` hears of each drawing. */
function useViewport(element: HTMLDivElement | null, onRendered: (viewport: StackViewport) => void) {
  const [viewport, setViewport] = useState<StackViewport>();
  useEffect(() => {
    if (element === null) return;
    const engine = startEngine();
    engine.enableElement({
      viewportId,
      type: Enums.ViewportType.STACK,
      element,
      defaultOptions: { background: [0, 0, 0] },
    });
    const enabled = engine.getViewport(viewportId) as StackViewport;
    const rendered = () => onRendered(enabled);
    const resize = new ResizeObserver(() => engine.resize(true, true));
    element.addEventListener(Enums.Events.IMAGE_RENDERED, rendered);
    resize.observe(element);
    setViewport(enabled);
    return () => {
      resize.disconnect();
      element.removeEventListener(Enums.Events.IMAGE_RENDERED, rendered);
      engine.disableElement(viewportId);
      setViewport(undefined);
    };
  }, [element, onRendered]);
  return viewport;
}

/** Shows `imageIds` in `element`, starting at `first`; `tool` is what the primary button does. */
export function useStackView(
  element: HTMLDivElement | null,
  imageIds: string[],
  first: number,
  tool: Tool,
): StackView {
  const [picture, setPicture] = useState<Picture>();
  const [error, setError] = useState<Error>();
  const onRendered = useCallback((rendered: StackViewport) => setPicture(pictureOf(rendered)), []);
  const viewport = useViewport(element, onRendered);

  useEffect(() => {
    let current = true;
    setPicture(undefined);
    setError(undefined);
    if (viewport === undefined || imageIds.length === 0) return;
    showStack(viewport, imageIds, first).catch((cause: unknown) => {
      if (current) setError(cause instanceof Error ? cause : new Error(String(cause)));
    });
    return () => {
      current = false;
    };
  }, [viewport, imageIds, first]);

  useEffect(() => {
    if (viewport !== undefined) bindTools(tool, imageIds.length);
  }, [viewport, tool, imageIds.length]);

  return { picture, error, ...useActions(viewport, imageIds.length) };
}

function useActions(viewport: StackViewport | undefined, imageCount: number) {
  const setWindow: StackView['setWindow'] = ({ lower, upper }) => {
    viewport?.setProperties({ voiRange: { lower, upper } });
    viewport?.render();
  };
  const toggleInvert = () => {
    viewport?.setProperties({ invert: !viewport.getProperties().invert });
    viewport?.render();
  };
  const reset = () => {
    const image = viewport?.getCornerstoneImage();
    if (!viewport || !image) return;
    viewport.resetCamera();
    viewport.setProperties({ invert: naturalInvert(viewport) });
    setWindow(rangeOfWindow({}, Number(image.windowCenter), Number(image.windowWidth)));
  };
  const step = (count: number) => {
    if (!viewport) return;
    const next = Math.min(imageCount - 1, Math.max(0, viewport.getCurrentImageIdIndex() + count));
    void viewport.setImageIdIndex(next);
  };
  return { setWindow, toggleInvert, reset, step };
}
