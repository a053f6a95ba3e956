// Runs before the first paint so that a person who chose light never sees a dark flash.
const scheme = localStorage.getItem('mantine-color-scheme-value');
document.documentElement.dataset.mantineColorScheme = scheme === 'light' ? 'light' : 'dark';
