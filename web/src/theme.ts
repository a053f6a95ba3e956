/**
 * Every colour, font and measure of the interface. Components use the CSS variables named here and
 * never a literal colour, so that dark and light stay complete together.
 */
import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core';

/** The one accent: focus, links, the primary action. */
const iris: MantineColorsTuple = [
  '#eef0ff',
  '#dde1ff',
  '#c0c8ff',
  '#a4b0ff',
  '#8c9bff',
  '#7383f5',
  '#5a69e0',
  '#4653c7',
  '#3a45a8',
  '#2e3785',
];

/** Mantine's dark surface scale: 0 is text, 9 the deepest ground. */
const night: MantineColorsTuple = [
  '#dfe3ea',
  '#b9c0cc',
  '#98a2b3',
  '#667085',
  '#333b48',
  '#262c36',
  '#1b2028',
  '#14181f',
  '#0f1217',
  '#0a0c10',
];

export const theme = createTheme({
  primaryColor: 'iris',
  primaryShade: { dark: 6, light: 7 },
  colors: { iris, dark: night },
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  fontFamilyMonospace: '"JetBrains Mono Variable", ui-monospace, monospace',
  headings: { fontFamily: '"Inter Variable", system-ui, sans-serif', fontWeight: '600' },
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  spacing: { xs: '8px', sm: '12px', md: '16px', lg: '24px', xl: '32px' },
  defaultRadius: 'sm',
  respectReducedMotion: true,
  cursorType: 'pointer',
});

/**
 * Meaning colours. The AI states come from the Okabe–Ito set, which stays apart under the common
 * colour-vision deficiencies; each also has its own shape (`parts/AiState.tsx`). Red is for urgent only.
 */
export const variables: CSSVariablesResolver = () => ({
  variables: {
    '--lb-image-ground': '#000000',
    '--lb-image-text': '#c8cfda',
  },
  dark: {
    '--lb-ground': '#0a0c10',
    '--lb-surface': '#0f1217',
    '--lb-raised': '#161b22',
    '--lb-hover': '#1a2029',
    '--lb-border': '#262c36',
    '--lb-text': '#dfe3ea',
    '--lb-text-dim': '#a3adbd',
    '--lb-accent': '#8c9bff',
    '--lb-accent-soft': 'rgb(140 155 255 / 14%)',
    '--lb-found': '#f0a92e',
    '--lb-nothing-found': '#2fbf97',
    '--lb-running': '#62bdf0',
    '--lb-waiting': '#a3b1c6',
    '--lb-failed': '#dd93bb',
    '--lb-rejected': '#f0e442',
    '--lb-none': '#8590a2',
    '--lb-urgent': '#ff7b6b',
    '--mantine-color-body': '#0a0c10',
    '--mantine-color-dimmed': '#a3adbd',
    '--mantine-color-placeholder': '#8590a2',
    '--mantine-color-error': '#ff7b6b',
  },
  light: {
    '--lb-ground': '#f4f5f8',
    '--lb-surface': '#ffffff',
    '--lb-raised': '#ffffff',
    '--lb-hover': '#eef0f5',
    '--lb-border': '#d9dde5',
    '--lb-text': '#1b212c',
    '--lb-text-dim': '#545e70',
    '--lb-accent': '#4653c7',
    '--lb-accent-soft': 'rgb(70 83 199 / 10%)',
    '--lb-found': '#965400',
    '--lb-nothing-found': '#006e50',
    '--lb-running': '#0063a3',
    '--lb-waiting': '#4d5b70',
    '--lb-failed': '#99386d',
    '--lb-rejected': '#6f6300',
    '--lb-none': '#5f6979',
    '--lb-urgent': '#b3261e',
    '--mantine-color-body': '#f4f5f8',
    '--mantine-color-text': '#1b212c',
    '--mantine-color-dimmed': '#545e70',
    '--mantine-color-placeholder': '#667085',
    '--mantine-color-error': '#b3261e',
  },
});
