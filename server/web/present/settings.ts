import type { Company, Settings } from '../../core/company.ts';
import { className } from '../../core/names.ts';
import { describe } from '../../core/problems.ts';
import type { StagedRecord } from '../../core/records.ts';
import type { Notice } from './notice.ts';

export interface SettingsPage {
  readonly company: string;
  readonly settings: Settings;
  readonly examples: readonly { readonly code: string; readonly name: string; readonly becomes: string; readonly bad: boolean }[];
  readonly fault: string | null;
  readonly notice: Notice | null;
}

/** The naming rule is tried on real codes, so that its effect is seen before it is saved. */
export function settingsPage(company: Company, settings: Settings, samples: readonly StagedRecord[], about: Pick<SettingsPage, 'fault' | 'notice'>): SettingsPage {
  return {
    company: company.name,
    settings,
    examples: about.fault === null ? samples.map((record) => example(record, settings.namePattern)) : [],
    ...about,
  };
}

function example({ source }: StagedRecord, pattern: string): SettingsPage['examples'][number] {
  const made = className(source, pattern);
  return 'name' in made
    ? { code: source.code, name: source.name, becomes: made.name, bad: false }
    : { code: source.code, name: source.name, becomes: describe(made.problem).sentence, bad: true };
}
