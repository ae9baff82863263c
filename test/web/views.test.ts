import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { createRenderer, viewNames } from '../../server/web/render.ts';
import { wordsOf } from '../support/forms.ts';
import { drawn, STATES } from './states.ts';

const root = 'views';
const names = viewNames(root);
const sourceOf = (name: string) => readFileSync(join(root, `${name}.ejs`), 'utf8');
const renderer = createRenderer(root);

describe('The rules of the views', () => {
  for (const name of names) {
    it(`${name} writes raw HTML only for a view inside it or the page's body`, () => {
      const raw = [...sourceOf(name).matchAll(/<%-([\s\S]*?)[-_]?%>/g)].map(([, code = '']) => code.trim());
      for (const code of raw) expect(code).to.match(/^(include\('[\w/-]+'\)|locals\.part\('[\w/-]+', [\s\S]+\)|locals\.body)$/);
    });

    it(`${name} has no inline style, script or handler`, () => {
      const source = sourceOf(name);
      expect(source).to.not.match(/<style|\sstyle=|\son\w+=|hx-on|javascript:/i);
      expect(source).to.not.match(/<script(?![^>]*\ssrc=)/i);
      expect(source).to.not.match(/hx-vals="js:|hx-trigger="[^"]*\[/);
    });
  }

  it('pages of all states hold no inline style, script or handler either', () => {
    for (const [name, state] of Object.entries(STATES)) {
      expect(drawn(renderer, state), name).to.not.match(/<style|\sstyle=|\son\w+="|<script(?![^>]*\ssrc=)/i);
    }
  });

  it('no state prints an undefined or null value', () => {
    for (const [name, state] of Object.entries(STATES)) expect(wordsOf(drawn(renderer, state)), name).to.not.match(/\bundefined\b|\[object |\bNaN\b/);
  });

  it('no page has an id twice', () => {
    for (const [name, state] of Object.entries(STATES)) {
      const ids = [...drawn(renderer, state).matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
      expect(ids.filter((id, i) => ids.indexOf(id) !== i), name).to.deep.equal([]);
    }
  });

  it('an unknown view and a misspelt name throw instead of printing nothing', () => {
    expect(() => renderer.part('nothing' as never, {} as never)).to.throw('There is no view');
  });
});

/** What a person must be able to read in each state. */
const SAYS: Readonly<Record<keyof typeof STATES, readonly string[]>> = {
  'staging': ['Hillside Builders', '8,774 cost codes staged', 'by Mara Keller', '03 30 53', 'Select All', 'Sync to QBO', '6,120 Synced', 'Every division', 'Export CSV', 'Waiting on a person 93 cost codes', '80 Cost code used twice', 'Fix', 'Retry all', 'Name already used', '1–17 of 8,774'],
  'staging-card': ['QuickBooks says the name', 'Open Manual Mapping', 'What QuickBooks said', '1-5f0c-3e8d1a'],
  'staging-menu': ['Syncing 9 cost codes. 3 were left out'],
  'staging-selected': ['8,774 selected of 8,774 · 2,574 can sync', '“concrete” in code or name'],
  'staging-running': ['by Mara Keller', 'batch 183 of about 293', 'Syncing to QuickBooks', '5,467 of 8,774', 'Pause', 'Cancel', '5,210 created', 'Syncing 62 %'],
  'staging-importing': ['Importing all items from Linarc', '3,200 of 8,774 read'],
  'staging-first': ['Nothing staged yet', 'Importing only prepares them here'],
  'staging-no-match': ['No cost code matches', 'Show all cost codes'],
  'staging-unlinked': ['Link your Linarc company', 'No Linarc company is linked yet'],
  'staging-lost': ['QuickBooks no longer accepts the connection', 'Reconnect to QuickBooks'],
  'staging-viewer': ['Your role in Hillside Builders is viewer'],
  'landing': ['Sign in with Intuit', 'Connect to QuickBooks', 'Sandbox mode'],
  'landing-denied': ['You chose not to allow it in QuickBooks.'],
  'connect-first': ['Connect to QuickBooks', 'Connect your QuickBooks company'],
  'connect-connected': ['Disconnect from QuickBooks', 'Ridgeline'],
  'connect-lost': ['Reconnect to QuickBooks'],
  'connect-viewer': ['an administrator connects it to QuickBooks and disconnects it'],
  'connect-ending': ['Intuit ends this connection on 24 March 2026', 'Reconnect to QuickBooks'],
  'switcher': ['Change company', 'Ridgeline Mechanical', 'administrator, connected', 'Add a company', 'Cost codes failed in a sync', 'Show Failed', 'Show Needs Action'],
  'person': ['mara@hillside.example', 'Role: administrator', 'Sign out'],
  'team': ['Jonas Brandt', 'You', 'The last administrator stays.', 'Open invitations', 'It is shown this once', 'a1a1', 'Withdraw'],
  'team-viewer': ['Your role in Hillside Builders is viewer: an administrator invites people', 'Administrator'],
  'invitation': ['Mara Keller invites you to Hillside Builders as operator.', 'Sign in with Intuit'],
  'invitation-take': ['You are signed in as jonas@hillside.example.', 'Join Hillside Builders'],
  'invitation-other': ['This invitation is for jonas@hillside.example, and you are signed in as mara@hillside.example.'],
  'invitation-used': ['Somebody has used this invitation already.'],
  'notices': ['Cost codes failed in a sync to QuickBooks.', 'Nothing is wrong with it.', 'Send them to me', 'mara@hillside.example'],
  'notices-no-mail': ['Notices go by e-mail to administrators.'],
  'privacy': ['Disconnecting from QuickBooks revokes and deletes the keys at once.', 'registered trademarks of Intuit Inc.'],
  'terms': ['By connecting a company you accept them for it.'],
  'support': ['help@sync.example', 'Intuit’s security page'],
  'linarc': ['Link Linarc company', 'Filled in for the Linarc sandbox'],
  'linarc-tested': ['The key opens Hillside Builders LLC : 281 cost codes'],
  'linarc-linked': ['Kept sealed, and never shown again', 'Replace the API key', 'Link another Linarc company', 'Unlink Hillside Builders LLC'],
  'linarc-refused': ['Refused by Linarc since', 'enter a new key below', 'Linarc does not accept the API key.'],
  'linarc-other': ['Link this company', 'The key opens Ridgeline LLC : 12 cost codes'],
  'linarc-confirm-other': ['Link Ridgeline LLC instead of Hillside Builders LLC', '8,774 staged codes of Hillside Builders LLC leave the list', '6,120 mappings are given up. The classes stay in QuickBooks exactly as they are.', 'This cannot be taken back.'],
  'linarc-confirm-unlink': ['Unlink Hillside Builders LLC', '8,774 staged codes, 6,120 mappings and all history stay here.', 'Nothing changes in QuickBooks.'],
  'linarc-operator': ['an administrator links the Linarc company'],
  'staging-refused': ['Linarc no longer accepts the API key', 'Staged codes, mappings and classes are as they were.', 'Replace the API key'],
  'linarc-fault': ['Both the company id and the API key are needed.'],
  'history': ['Change History', 'Sync failed', 'Misc Concrete → Miscellaneous Cast-in-Place Concrete', 'Create · HTTP 400 · 214 ms · intuit_tid 1-5f0c-3e8d1a', 'Duplicate Name Exists Error', 'Sync activity, all'],
  'history-empty': ['Nothing of this kind has happened yet.', 'Newest', 'Export as CSV'],
  'json-new': ['Nothing was sent to QuickBooks for this cost code yet.', 'Last request to QuickBooks None yet'],
  'json': ['Json Script', 'Linarc record', 'Wanted class', 'Last request to QuickBooks', 'Last answer from QuickBooks'],
  'mapping': ['Manual Mapping', 'Concrete, misc.', 'Put Linarc’s value back', 'Name 92 % alike', 'Reactivate and link', 'used by 03 31 00', 'shared with 03 30 54', '3 classes', 'More classes', 'Refresh from QuickBooks'],
  'mapping-viewer': ['Your role in Hillside Builders is viewer', 'No class has “conc”'],
  'mapping-new': ['None yet. A sync links a class of that name or creates one.', 'All classes: 312 active ones, 4 inactive ones', 'Then Needs Sync: with the next sync QuickBooks’ class “03 30 53 Misc Concrete” becomes “03 30 53 Miscellaneous Cast-in-Place Concrete”.', 'Why these?'],
  'mapping-chosen': ['Link to this class', 'What was posted on “03 30 53 Misc Concrete” so far stays there', 'Reports of the past show the new name too.', 'Back'],
  'mapping-shared': ['used by 03 31 00', 'Replace: unlink 03 31 00', 'Sync this code first: then a sync of 03 31 00 makes a class of its own.', 'Share it with 03 31 00', 'Then Synced: the class keeps the name “03 31 00 Structural”', 'cannot tell these codes apart'],
  'mapping-renamed': ['Perhaps a renamed code', 'Same code: 03 30 50 is now 03 30 53'],
  'mapping-unread': ['No class was read from QuickBooks yet.', 'The classes of this company were not read yet', 'Refresh from QuickBooks'],
  'mapping-branch': ['12 classes below Concrete, poured', 'More classes'],
  'exclude': ['12 cost codes', 'Reason'],
  'exclude-none': ['Nothing is selected.'],
  'staging-views': ['Everything by name', 'Save what you see as', 'Rename or delete'],
  'staging-drift': ['Changed in QuickBooks 2', 'QuickBooks has “Field:03 30 00 Cast pour”', 'Put Linarc’s value back', 'Keep QuickBooks’ value', 'Linarc 03 00 00 Concrete QuickBooks Field:03 30 00 Cast pour (inactive)', 'QuickBooks keeps “03 11 16 Forming”'],
  'staging-excluded': ['Excluded by Maria Lopez, 3 Mar 2026, 09:30 UTC : Never billed', 'Excluded by rule', 'Include again'],
  'preview': [
    'Create', '812', 'Rename', '03 30 53 Misc → 03 30 53 Miscellaneous', '3 are left out: 2 Synced and 1 Excluded.', 'and 811 more', 'It takes about 19 s, 29 calls to QuickBooks.',
    'Make 2 classes inactive', 'Move 1 class under another parent', 'top › 03 37 13 Shotcrete → 03 Concrete › 03 37 13 Shotcrete', '14 classes get a new name: reports of past periods show the new name too.',
  ],
  'preview-hindered': ['The QuickBooks plan has room for 11, and this needs 815 new classes.'],
  'preview-stopped': ['Nothing was sent yet: part of this needs a yes of its own.', 'What is not ticked is left out and stays Needs Sync.'],
  'glance': ['3 of 13 whole in QuickBooks', '03 Concrete', 'Failures in 1 of 8', '6 min 20 s'],
  'glance-empty': ['Linarc names none.', 'None yet.'],
  'saved-views': ['Saved views', 'Open', 'Rename'],
  'saved-views-none': ['Nothing is saved yet.'],
  'keys': ['Ctrl A', 'Preview what is selected'],
  'picker': ['Import Selected Items from Linarc', '120 cost codes found', 'Staged, Synced', '3 picked (1 not on this page)', 'Every division', 'Next page', 'First page'],
  'picker-viewer': ['Your role in Hillside Builders is viewer.'],
  'picker-none': ['No cost code in Linarc matches.', '3 picked (3 not on this page)'],
  'picker-down': ['Linarc cannot be reached just now.'],
  'runs': ['Finished', 'Stopped', '5,210 created'],
  'runs-none': ['Nothing was synced yet'],
  'run-going': ['Syncing to QuickBooks', 'Batches sent', '183'],
  'run-ended': ['Finished', 'Duration', 'Report CSV', 'Failed · 13 cost codes', 'All 13', 'Needs Action · 2 cost codes'],
  'run-halted': ['Connection lost', 'Reconnect to QuickBooks'],
  'settings': ['Source of Truth', 'Fixed: cost codes go from Linarc to QuickBooks Classes', 'Auto-Create', 'Auto-Update', 'Push automatically', 'Naming pattern', 'ADMIN 41 codes', 'these are the settings every company begins with', 'No limit on classes'],
  'settings-tree': ['levels', '03 30 00'],
  'settings-fault': ['{cod} is not known; use {code} and {name}.'],
  'settings-confirm': ['1,204 classes in QuickBooks get another name and 3 classes move under another parent with the next sync', 'Save and change these classes', '03 Concrete → 03 - Concrete'],
  'settings-stale': ['Not saved', 'Mara Keller changed Auto-Update from Off to On.', 'What you changed is kept below'],
  'settings-plus': ['29 of 40 used by 25 active classes and 4 locations: room for 11 more.', 'Go beyond the limit', 'being worked out again'],
  'settings-beyond': ['room for none', 'Mara Keller decided to go beyond the limit.', 'Stay within the limit', 'Structure: Flat list → By division', 'Task types left out: None → ADMIN', 'Account and settings, Advanced, Categories, Track classes'],
  'hindrance-room': ['Room for 11, you selected 236', 'Nothing was sent.', '29 of 40 used', 'Sync 2 divisions', 'Sync 3 codes in use', 'Go beyond the limit and make 236 new classes', 'Your decision is recorded'],
  'hindrance-operator': ['Room for 0, you selected 3', 'Only an administrator may decide to go beyond the limit.'],
  'hindrance-tracking': ['Class tracking is off in QuickBooks', 'Account and settings', 'Track classes', 'Try again'],
  'hindrance-plan': ['QuickBooks Online Essentials has no classes', 'Upgrade the company'],
  'settings-first': ['Nothing is staged yet.', 'Task types can be chosen here once cost codes are imported.'],
  'changed': ['Waterstops', 'Syncing'],
  'staging-from-file': ['Last import: 280 new · 0 changed · 0 unchanged · 0 with problems · 4 not staged', 'Row by row'],
  'spreadsheet': ['Whole numbers are codes', 'Excel template (.xlsx)', 'Cost Type Category', '284 rows: 4 Not staged, 3 Needs Action, 12 New, 3 Changed and 262 Unchanged', 'being imported', 'stopped before its end'],
  'spreadsheet-refused': ['the file has Item, Price', 'Name the columns as in Linarc’s template'],
  'spreadsheet-viewer': ['Your role in Hillside Builders is viewer'],
  'sheet-report': [
    'Import of Hillside cost codes 2026.xlsx', '284 rows of the sheet “Codes”', 'With problems 7', 'New 12', 'Excel may have changed this code: the file holds the date 2030-03-01.',
    'The same cost code stands in rows 40, 41.', 'Same code: 09 20 00 is now 09 21 00', '09 21 00 is a new code', 'Decided since.', 'Rows with problems (.xlsx)', 'Import again, taking whole numbers as codes',
  ],
  'sheet-report-running': ['1,500 of 5,200 rows', 'the import goes on'],
  'sheet-report-failed': ['The last import stopped before its end.', 'Not reached', 'All rows with their result (.csv)'],
  'sheet-report-viewer': ['Your role in Hillside Builders is viewer'],
  'failure': ['There is no such page in this company.', 'r-1'],
};

describe('Every state of every page', () => {
  for (const [name, state] of Object.entries(STATES)) {
    it(`${name} says what it must`, () => {
      const words = wordsOf(drawn(renderer, state));
      for (const text of SAYS[name] ?? ['a state without expectation']) expect(words).to.include(text);
    });
  }

  it('draws every view there is', () => {
    const used = new Set<string>();
    const follow = (name: string) => {
      if (used.has(name)) return;
      used.add(name);
      for (const [, inside = ''] of sourceOf(name).matchAll(/(?:locals\.part|include)\('([\w/-]+)'/g)) follow(inside);
    };
    follow('layout');
    for (const { view } of Object.values(STATES)) follow(view);
    // The one line for trouble is drawn by the test of failures.
    expect(names.filter((name) => !used.has(name))).to.deep.equal(['failure/line']);
  });
});

describe('The labels of the article', () => {
  const html = drawn(renderer, STATES['staging'] ?? (() => { throw new Error('no state'); })());

  for (const label of ['Cost Code', 'Task Name', 'Task Type', 'Task Code Status', 'Status', 'Synced', 'Actions']) {
    it(`has the column ${label}`, () => {
      const heads = [...html.matchAll(/<th role="columnheader"[^>]*>([\s\S]*?)<\/th>/g)].map(([, inside = '']) => wordsOf(inside));
      expect(heads).to.include(label);
    });
  }

  for (const label of ['Import', 'Import New Items from Linarc', 'Import All Items from Linarc', 'Import Selected Items from Linarc', 'Select All', 'Sync to QBO', 'Failed']) {
    it(`has the button ${label}`, () => {
      const buttons = [...html.matchAll(/<button[^>]*>([\s\S]*?)<\/button>/g)].map(([, inside = '']) => wordsOf(inside));
      expect(buttons).to.include(label);
    });
  }

  for (const label of ['Change History', 'Manual Mapping', 'Json Script']) {
    it(`has ${label} in each row`, () => {
      expect(html.split(`aria-label="${label}"`).length - 1).to.equal(17);
    });
  }

  for (const label of ['Needs Sync', 'Needs Action', 'Syncing', 'Synced', 'Failed', 'Not Synced']) {
    it(`says ${label} where it applies`, () => {
      expect(wordsOf(html.slice(html.indexOf('<tbody')))).to.include(label);
    });
  }

  it('has the tab Cost Codes, and it is the current one', () => {
    expect(html).to.match(/<a href="\/cost-codes" aria-current="page">Cost Codes<\/a>/);
  });
});
