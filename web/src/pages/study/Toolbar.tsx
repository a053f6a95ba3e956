import { ActionIcon, Button, Group, Kbd, Menu, Tooltip } from '@mantine/core';
import {
  type Icon,
  IconAdjustmentsHorizontal,
  IconArrowsMove,
  IconBackground,
  IconContrast,
  IconRestore,
  IconSquareHalf,
  IconZoomIn,
} from '@tabler/icons-react';
import { useState } from 'react';
import type { Tool } from './cornerstone';
import { widthAndCenter } from './presentation';
import type { StackView } from './useStackView';
import type { Window } from './windows';

interface ToolbarProps {
  tool: Tool;
  onTool: (tool: Tool) => void;
  view: StackView;
  windows: Window[];
  /** Undefined when no map belongs to the shown image. */
  map: { shown: boolean; onToggle: () => void } | undefined;
}

const mouseTools: { tool: Tool; label: string; hint: string; Glyph: Icon }[] = [
  { tool: 'window', label: 'Window', hint: 'w', Glyph: IconContrast },
  { tool: 'zoom', label: 'Zoom', hint: 'z', Glyph: IconZoomIn },
  { tool: 'pan', label: 'Pan', hint: 'p', Glyph: IconArrowsMove },
];

export function Toolbar({ tool, onTool, view, windows, map }: ToolbarProps) {
  return (
    <Group role="toolbar" aria-label="Image tools" gap={4} wrap="nowrap">
      {map && (
        <Button
          size="compact-md"
          variant={map.shown ? 'light' : 'default'}
          leftSection={<IconBackground size={16} stroke={1.8} aria-hidden />}
          aria-pressed={map.shown}
          onClick={map.onToggle}
        >
          AI map
        </Button>
      )}
      {mouseTools.map((each) => (
        <ToolButton
          key={each.tool}
          label={each.label}
          hint={each.hint}
          Glyph={each.Glyph}
          pressed={tool === each.tool}
          onClick={() => onTool(each.tool)}
        />
      ))}
      <WindowMenu windows={windows} onWindow={view.setWindow} />
      <ToolButton
        label="Invert"
        hint="i"
        Glyph={IconSquareHalf}
        pressed={view.picture?.inverted ?? false}
        onClick={view.toggleInvert}
      />
      <ToolButton label="Reset" hint="r" Glyph={IconRestore} onClick={view.reset} />
    </Group>
  );
}

interface ToolButtonProps {
  label: string;
  hint: string;
  Glyph: Icon;
  /** Undefined for a plain button. */
  pressed?: boolean;
  onClick: () => void;
}

function ToolButton({ label, hint, Glyph, pressed, onClick }: ToolButtonProps) {
  return (
    <Tooltip label={`${label} (${hint})`}>
      <ActionIcon
        variant={pressed ? 'light' : 'subtle'}
        color={pressed ? undefined : 'gray'}
        aria-label={label}
        aria-pressed={pressed}
        onClick={onClick}
      >
        <Glyph size={18} stroke={1.7} aria-hidden />
      </ActionIcon>
    </Tooltip>
  );
}

function WindowMenu({ windows, onWindow }: { windows: Window[]; onWindow: (window: Window) => void }) {
  const [opened, setOpened] = useState(false);
  return (
    <Menu
      opened={opened}
      onChange={setOpened}
      position="bottom-start"
      width={240}
      withInitialFocusPlaceholder={false}
    >
      <Menu.Target>
        <Tooltip label="Window presets (1–9)" disabled={opened}>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label="Window presets"
            disabled={windows.length === 0}
          >
            <IconAdjustmentsHorizontal size={18} stroke={1.7} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {windows.map((window, index) => (
          <Menu.Item
            key={`${window.name} ${window.lower} ${window.upper}`}
            leftSection={<Kbd size="xs">{index + 1}</Kbd>}
            rightSection={<span className="mono dim">{widthAndCenter(window).join('/')}</span>}
            onClick={() => onWindow(window)}
          >
            {window.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
