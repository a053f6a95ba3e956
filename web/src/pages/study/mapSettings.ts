/** How this reader likes the AI map; stays in this browser. */
import { useLocalStorage } from '@mantine/hooks';

export interface MapSettings {
  shown: boolean;
  /** 0–1. */
  opacity: number;
}

export function useMapSettings() {
  return useLocalStorage<MapSettings>({
    key: 'lightbox.map',
    defaultValue: { shown: true, opacity: 0.5 },
    getInitialValueInEffect: false,
  });
}
