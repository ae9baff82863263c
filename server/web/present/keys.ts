/** What the keyboard does on the staging screen (product.md §6.6, §8.1); public/app.js listens to the same keys. */
export interface Keys {
  readonly groups: readonly { readonly title: string; readonly keys: readonly Key[] }[];
}

interface Key {
  readonly press: readonly string[];
  readonly does: string;
}

const key = (press: string, does: string): Key => ({ press: press.split(' '), does });

export const KEYS: Keys = {
  groups: [
    {
      title: 'Move',
      keys: [
        key('↑ ↓', 'To the row above or below'), key('PageUp PageDown', 'Ten rows up or down'), key('Home End', 'To the first or last row of the page'),
        key('/', 'To the search'),
      ],
    },
    {
      title: 'Select',
      keys: [
        key('Space', 'Select the row, or take it out again'), key('Shift ↑ ↓', 'Extend the selection'), key('Shift Space', 'Select all rows from the last one selected to this one'),
        key('Ctrl A', 'Select the page; once more, all that match'), key('Esc', 'Clear the selection, or close what is open'),
      ],
    },
    {
      title: 'Act',
      keys: [
        key('Enter', 'Change History of the row'), key('M', 'Manual Mapping of the row'), key('R', 'Retry the row if it failed, else what is selected'),
        key('P', 'Preview what is selected'), key('?', 'This list'),
      ],
    },
  ],
};
