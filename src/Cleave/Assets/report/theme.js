// Light and dark: the reader's system decides until the button does; paper is always light.

const root = document.documentElement;
const system = matchMedia('(prefers-color-scheme: dark)');
const names = ['card', 'ink', 'soft', 'line', 'wash', 'module', 'monolith', 'plain', 'pass', 'fail', 'page'];

/** The colours of the theme in force, by name. */
export function palette() {
  const style = getComputedStyle(root);
  return Object.fromEntries(names.map(n => [n, style.getPropertyValue('--' + n).trim()]));
}

/** Sets the theme, keeps the button right, and calls changed now and whenever the colours change. */
export function followTheme(changed) {
  const button = document.getElementById('theme');
  let chosen = null;
  const apply = theme => {
    root.dataset.theme = theme;
    button.textContent = theme === 'dark' ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to the ${theme === 'dark' ? 'light' : 'dark'} theme`);
    changed();
  };
  const current = () => chosen ?? (system.matches ? 'dark' : 'light');
  button.hidden = false;
  button.addEventListener('click', () => apply(chosen = current() === 'dark' ? 'light' : 'dark'));
  system.addEventListener('change', () => apply(current()));
  const paper = on => {
    root.classList.toggle('paper', on);
    apply(on ? 'light' : current());
  };
  addEventListener('beforeprint', () => paper(true));
  addEventListener('afterprint', () => paper(false));
  apply(current());
}
