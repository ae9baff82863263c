/** What QuickBooks said, word for word; shown folded away. */
export interface RawFault {
  readonly status: number | null;
  readonly code: string | null;
  readonly message: string | null;
  readonly detail: string | null;
  readonly element: string | null;
  readonly intuitTid: string | null;
}

/** A reason a person can act on. The words live in the catalogue below, so stored problems never grow stale. */
export interface Problem {
  readonly code: ProblemCode;
  readonly field: string | null;
  readonly value: string | null;
  readonly raw: RawFault | null;
}

/** What the screen can offer beside the sentence. */
export type Remedy = 'fix_in_linarc' | 'retry' | 'map' | 'overwrite' | 'reconnect' | 'link_linarc' | 'settings' | 'wait' | 'exclude' | 'support';

interface Wording {
  readonly title: string;
  /** `{value}` stands for the problem's value. */
  readonly sentence: string;
  readonly next: string;
  readonly remedy: Remedy;
}

const IN_LINARC = 'Correct it in Linarc, then click Failed or import again.';

export const PROBLEMS = {
  // The cost code itself.
  code_missing: { title: 'No cost code', sentence: 'This entry has no cost code in Linarc.', next: 'Give it a code in Linarc, then import again.', remedy: 'fix_in_linarc' },
  name_missing: { title: 'No name', sentence: 'Cost code {value} has no name in Linarc.', next: 'Give it a name in Linarc, then import again.', remedy: 'fix_in_linarc' },
  code_duplicate: { title: 'Cost code used twice', sentence: 'More than one entry in Linarc has the cost code {value}.', next: 'Change one of them in Linarc and import again, or exclude one here.', remedy: 'fix_in_linarc' },
  code_too_long: { title: 'Cost code too long', sentence: 'The cost code alone is longer than the 100 characters a class name may have.', next: 'Shorten the code in Linarc, then import again.', remedy: 'fix_in_linarc' },
  name_collision: { title: 'Same class name', sentence: 'Another cost code would get the same class name, “{value}”.', next: 'Change a code or name in Linarc and import again, or exclude one here.', remedy: 'fix_in_linarc' },
  record_unreadable: { title: 'Entry not understood', sentence: 'Linarc sent this entry in a form that cannot be read: {value}.', next: 'Correct the entry in Linarc, then import again.', remedy: 'fix_in_linarc' },
  gone_from_linarc: { title: 'Gone from Linarc', sentence: 'Linarc no longer has this cost code.', next: 'Exclude it here, or put it back in Linarc and import again.', remedy: 'exclude' },
  parent_not_synced: { title: 'Parent not in QuickBooks', sentence: 'Its parent class, “{value}”, is not in QuickBooks yet.', next: 'Sync the parent first; see what stops it in its own row.', remedy: 'retry' },

  perhaps_renamed: { title: 'Perhaps a renamed code', sentence: 'This is perhaps a renamed code: {value}.', next: 'Decide whether it is the same code under a new number, or a new one.', remedy: 'map' },

  // Where the class in QuickBooks stands in the way.
  class_gone: { title: 'Class not found', sentence: 'The class this cost code was linked to is no longer in QuickBooks.', next: 'Open Manual Mapping and link another class, or unlink to create a new one.', remedy: 'map' },
  class_used: { title: 'Class already taken', sentence: 'The class “{value}” in QuickBooks is already linked to another cost code.', next: 'Open Manual Mapping to choose which code it belongs to.', remedy: 'map' },
  class_exists: { title: 'Class exists already', sentence: 'QuickBooks already has a class named “{value}”, which this app did not make.', next: 'Open Manual Mapping and link it, or change the name in Linarc.', remedy: 'map' },
  class_ambiguous: { title: 'Several classes match', sentence: 'QuickBooks holds more than one class named “{value}”.', next: 'Open Manual Mapping and choose one.', remedy: 'map' },
  changed_in_quickbooks: { title: 'Changed in QuickBooks', sentence: 'Somebody changed this class in QuickBooks to “{value}”.', next: 'Put Linarc’s value back, keep what QuickBooks has, or map the code to another class.', remedy: 'overwrite' },

  // QuickBooks' refusals (quickbooks.md §6.3).
  name_refused_characters: { title: 'Character refused', sentence: 'QuickBooks does not accept a character in the class name “{value}”.', next: IN_LINARC, remedy: 'fix_in_linarc' },
  name_refused_length: { title: 'Name too long', sentence: 'QuickBooks finds the class name “{value}” too long.', next: IN_LINARC, remedy: 'fix_in_linarc' },
  name_refused_duplicate: { title: 'Name already used', sentence: 'QuickBooks says the name “{value}” is already used, but shows no class of that name.', next: 'Look in QuickBooks for a class of that name, inactive ones too, and link it by Manual Mapping.', remedy: 'map' },
  name_required: { title: 'Name missing', sentence: 'QuickBooks asks for a class name.', next: IN_LINARC, remedy: 'fix_in_linarc' },
  parent_refused: { title: 'Parent refused', sentence: 'QuickBooks does not accept the parent class: it is missing or inactive.', next: 'Sync the parent class, or make it active in QuickBooks, then retry.', remedy: 'retry' },
  too_deep: { title: 'Too many levels', sentence: 'QuickBooks allows five levels of classes.', next: 'Choose a flatter list in Settings.', remedy: 'settings' },
  keeps_changing: { title: 'Changing at the same time', sentence: 'Somebody kept changing this class in QuickBooks while it was being synced.', next: 'Wait until they have finished, then click Failed to retry.', remedy: 'retry' },
  not_in_plan: { title: 'Plan without classes', sentence: 'This company’s QuickBooks plan does not allow it.', next: 'Upgrade the plan in QuickBooks, or sync fewer codes.', remedy: 'settings' },
  plan_full: { title: 'No room in the plan', sentence: 'The QuickBooks plan of this company allows no more active classes.', next: 'Sync fewer codes, make classes inactive in QuickBooks, or have an administrator go beyond the limit in Settings.', remedy: 'settings' },
  business_rule: { title: 'Refused by QuickBooks', sentence: 'A rule in QuickBooks refused the class “{value}”.', next: 'Read what QuickBooks said below, correct it, then click Failed to retry.', remedy: 'retry' },
  in_use: { title: 'Class in use', sentence: 'QuickBooks cannot change this class because other records depend on it.', next: 'Look at the class in QuickBooks, then retry.', remedy: 'retry' },
  refused: { title: 'Refused by QuickBooks', sentence: 'QuickBooks refused this class with a message of its own.', next: 'Read what QuickBooks said below, then click Failed to retry.', remedy: 'retry' },
  our_fault: { title: 'Request not understood', sentence: 'QuickBooks did not understand our request.', next: 'This is a fault of ours: send the trace id below to support.', remedy: 'support' },
  gave_up: { title: 'No clear answer', sentence: 'QuickBooks gave no clear answer after several tries, and the class is not there.', next: 'Click Failed to retry.', remedy: 'retry' },

  // The connection as a whole: a run waits or stops, rows keep their place.
  quickbooks_unreachable: { title: 'QuickBooks does not answer', sentence: 'QuickBooks cannot be reached just now.', next: 'Nothing is lost; it is tried again by itself.', remedy: 'wait' },
  quickbooks_throttled: { title: 'QuickBooks asks to wait', sentence: 'QuickBooks allows no more calls for the moment.', next: 'It goes on by itself.', remedy: 'wait' },
  quickbooks_busy: { title: 'Company locked', sentence: 'QuickBooks has locked this company for maintenance.', next: 'It goes on by itself.', remedy: 'wait' },
  subscription_lapsed: { title: 'Subscription ended', sentence: 'The QuickBooks subscription of this company has ended or has a billing problem.', next: 'Renew it in QuickBooks, then sync again.', remedy: 'reconnect' },
  reconnect_needed: { title: 'Connection lost', sentence: 'QuickBooks no longer accepts the connection of this company.', next: 'Reconnect to QuickBooks; waiting codes stay where they are.', remedy: 'reconnect' },
  class_tracking_off: { title: 'Class tracking is off', sentence: 'Class tracking is turned off in this QuickBooks company.', next: 'In QuickBooks: Account and settings, Advanced, Categories, Track classes.', remedy: 'settings' },

  // Linarc.
  linarc_unreachable: { title: 'Linarc does not answer', sentence: 'Linarc cannot be reached just now.', next: 'Nothing was changed. Try again in a minute.', remedy: 'retry' },
  linarc_slow: { title: 'Linarc is too slow', sentence: 'Linarc took too long to answer.', next: 'Nothing was lost. Try again in a minute.', remedy: 'retry' },
  linarc_nonsense: { title: 'Linarc’s answer not understood', sentence: 'Linarc answered something that is not a cost-code list.', next: 'Nothing was lost. Try again; if it stays, tell support.', remedy: 'retry' },
  linarc_key_refused: { title: 'API key refused', sentence: 'Linarc does not accept the API key.', next: 'Ask a Linarc administrator for a new key and link the company again.', remedy: 'link_linarc' },
  linarc_not_found: { title: 'Not found in Linarc', sentence: 'Linarc does not know this entry.', next: 'Import all items to see what Linarc holds now.', remedy: 'retry' },
  linarc_throttled: { title: 'Linarc asks to wait', sentence: 'Linarc allows no more calls for the moment.', next: 'Try again in a minute.', remedy: 'retry' },
  linarc_empty: { title: 'Library is empty', sentence: 'The Linarc library holds no cost codes.', next: 'Add cost codes in Linarc, then import.', remedy: 'fix_in_linarc' },
  not_linked: { title: 'No Linarc company', sentence: 'No Linarc company is linked yet.', next: 'Link the Linarc company first.', remedy: 'link_linarc' },

  // Spreadsheets: the file as a whole, then a row of it.
  sheet_too_large: { title: 'File too large', sentence: 'This file is too large: {value}.', next: 'Take out what is not a cost code, or split the file, then import again.', remedy: 'retry' },
  sheet_unreadable: { title: 'File not understood', sentence: 'This file cannot be read: {value}.', next: 'Save it as an Excel workbook (.xlsx) or as CSV, then import again.', remedy: 'retry' },
  sheet_headers: { title: 'Columns not found', sentence: 'No columns for a code and a name were found: {value}.', next: 'Name the columns as in Linarc’s template: Cost Code, Cost Code Name, Cost Type Category.', remedy: 'retry' },
  sheet_empty: { title: 'No cost codes in the file', sentence: 'The file has the right columns, but no row below them.', next: 'Add cost codes to the file, then import again.', remedy: 'retry' },
  sheet_row_unreadable: { title: 'Row not understood', sentence: 'This row cannot be read: {value}.', next: 'Correct it in the file, then import again.', remedy: 'retry' },
  sheet_code_missing: { title: 'No cost code', sentence: 'This row has no cost code.', next: 'Give it a code in the file, then import again.', remedy: 'retry' },
  sheet_code_changed: { title: 'Excel may have changed this code', sentence: 'Excel may have changed this code: the file holds {value}.', next: 'In Excel, format the column as Text, type the code again, then import the file again.', remedy: 'retry' },
  sheet_code_repeated: { title: 'Code twice in the file', sentence: 'The same cost code stands in rows {value}.', next: 'Keep one of these rows in the file, then import again.', remedy: 'retry' },
  sheet_code_ambiguous: { title: 'Several records match', sentence: 'More than one staged record has the cost code {value}.', next: 'Exclude all but one of them, then import the file again.', remedy: 'exclude' },
  interrupted: { title: 'Import interrupted', sentence: 'The last import stopped before its end.', next: 'Import again; what was read is kept.', remedy: 'retry' },
} as const satisfies Record<string, Wording>;

export type ProblemCode = keyof typeof PROBLEMS;

export interface Description extends Wording {
  readonly code: ProblemCode;
  readonly field: string | null;
  readonly value: string | null;
  readonly raw: RawFault | null;
}

/** Makes a problem; what is left out is unknown or not meant. */
export function problem(code: ProblemCode, about: Partial<Omit<Problem, 'code'>> = {}): Problem {
  return { code, field: about.field ?? null, value: about.value ?? null, raw: about.raw ?? null };
}

/** The words for a problem: title, cause in one sentence, next step, and the remedy the screen may offer. */
export function describe(given: Problem): Description {
  const wording: Wording = PROBLEMS[given.code];
  return { ...given, ...wording, sentence: wording.sentence.replace('{value}', given.value ?? '') };
}

/** A failure a person can meet that stops a whole action, such as an import. Carries no secret and no request. */
export class ProblemError extends Error {
  readonly problem: Problem;
  /** Milliseconds to wait before another try, when the other side said so. */
  readonly retryAfter: number | null;

  constructor(given: Problem, retryAfter: number | null = null) {
    super(describe(given).sentence);
    this.name = 'ProblemError';
    this.problem = given;
    this.retryAfter = retryAfter;
  }
}
