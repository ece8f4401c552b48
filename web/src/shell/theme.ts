// Light or dark: the person's choice, else the system's.
const KEY = 'yundesk.theme';
const CLASS = 'pf-v6-theme-dark';

export function isDark(): boolean {
  const stored = localStorage.getItem(KEY);
  if (stored) return stored === 'dark';
  return window.matchMedia?.('(prefers-color-scheme: dark)').matches ?? false;
}

export function applyTheme(dark: boolean = isDark()): void {
  document.documentElement.classList.toggle(CLASS, dark);
}

export function setDark(dark: boolean): void {
  localStorage.setItem(KEY, dark ? 'dark' : 'light');
  applyTheme(dark);
}
