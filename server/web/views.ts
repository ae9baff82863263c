import type { Row } from './present/row.ts';
import type { Activity } from './present/shell.ts';
import type { Live, Rail, Staging } from './present/staging.ts';

/** Which model each view takes; a wrong pair does not compile. */
export interface Views {
  'staging/page': Staging;
  'staging/row': Row;
  'staging/rail': Rail;
  'staging/live': Live;
  'activity': Activity;
}
