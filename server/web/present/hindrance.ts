import type { Role } from '../../core/company.ts';
import type { Hindrance } from '../../sync/capacity.ts';
import { paths } from '../paths.ts';
import { count, counted } from './format.ts';
import { notice, type Notice } from './notice.ts';
import { roomWords } from './settings.ts';

type Hidden = readonly (readonly [name: string, value: string])[];

/** Why a sync was not begun, and the ways on from there. */
export interface HindrancePage {
  readonly title: string;
  readonly sentence: string;
  readonly steps: readonly string[];
  /** Smaller selections that fit. */
  readonly ways: readonly { readonly title: string; readonly about: string; readonly button: string; readonly hidden: Hidden }[];
  /** The same selection again, once what stood in the way is mended. */
  readonly again: Hidden;
  /** To go beyond the limit all the same; `denied` says why this person may not. */
  readonly beyond: { readonly button: string; readonly denied: string | null } | null;
  readonly settingsHref: string | null;
  readonly back: string;
}

const COME_BACK = 'Come back and try again; the cost codes wait here.';
const TRACKING_STEPS = [
  'In QuickBooks open the gear, then Account and settings.', 'Choose Advanced, then Categories, and turn on Track classes.', COME_BACK,
];

/** The same in a line, for a sync of one code. */
export function hindranceNotice(hindrance: Hindrance): Notice {
  const { title, sentence, steps } = hindrancePage(hindrance, { hidden: [], back: paths.costCodes, role: 'operator' });
  return notice('bad', `${title}.`, { next: steps[0] ?? sentence });
}

export function hindrancePage(hindrance: Hindrance, about: { hidden: Hidden; back: string; role: Role }): HindrancePage {
  const settingsHref = about.role === 'admin' ? paths.settings : null;
  const page = { again: about.hidden, back: about.back, ways: [], steps: [], beyond: null, settingsHref };
  if (hindrance.kind === 'tracking_off') {
    const sentence = 'Nothing was sent: classes made now could not be used on transactions.';
    return { ...page, title: 'Class tracking is off in QuickBooks', sentence, steps: TRACKING_STEPS };
  }
  if (hindrance.kind === 'no_classes') {
    const plan = hindrance.plan ?? 'This plan';
    const steps = ['Upgrade the company in QuickBooks to Plus (40 classes and locations) or Advanced (no limit).', COME_BACK];
    return { ...page, title: `${plan} has no classes`, sentence: 'Nothing was sent.', steps };
  }
  const { capacity, needed } = hindrance;
  const wanted = counted(needed.classes, 'new class', 'new classes');
  return {
    ...page,
    title: `Room for ${count(capacity.room)}, you selected ${count(needed.classes)}`,
    sentence: `Nothing was sent. ${roomWords(capacity)} The selection would make ${wanted}.`,
    ways: [
      ...(fits(needed.divisions, needed.divisions.length, capacity.room) ? [{
        title: 'Divisions only',
        about: `${counted(needed.divisions.length, 'division becomes a class', 'divisions become classes')}; the codes below wait.`,
        button: `Sync ${counted(needed.divisions.length, 'division')}`, hidden: named(needed.divisions, about.back),
      }] : []),
      ...(fits(needed.inUse, needed.inUseClasses, capacity.room) ? [{
        title: 'Codes in use only',
        about: `Projects in Linarc use ${count(needed.inUse.length)} of these codes. With what stands above them they take ${counted(needed.inUseClasses, 'class', 'classes')}.`,
        button: `Sync ${counted(needed.inUse.length, 'code')} in use`, hidden: named(needed.inUse, about.back),
      }] : []),
    ],
    beyond: {
      button: `Go beyond the limit and make ${wanted}`,
      denied: about.role === 'admin' ? null : 'Only an administrator may decide to go beyond the limit.',
    },
  };
}

function fits(ids: readonly string[], classes: number, room: number): boolean {
  return ids.length > 0 && classes <= room;
}

function named(ids: readonly string[], back: string): Hidden {
  return [['scope', 'ids'], ['back', back], ...ids.map((id) => ['id', id] as const)];
}
