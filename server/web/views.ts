import type { ConnectPage, Landing, LinarcPage } from './present/doors.ts';
import type { ExcludePage } from './present/exclude.ts';
import type { Failure } from './present/failure.ts';
import type { History } from './present/history.ts';
import type { JsonScript } from './present/json.ts';
import type { Mapping } from './present/mapping.ts';
import type { Picker } from './present/picker.ts';
import type { Preview } from './present/preview.ts';
import type { ChangedRows, Row } from './present/row.ts';
import type { RunPage, RunsPage } from './present/runs.ts';
import type { SettingsPage } from './present/settings.ts';
import type { Activity } from './present/shell.ts';
import type { SheetReportPage, SpreadsheetPage } from './present/spreadsheet.ts';
import type { Chips, Live, Rail, Staging } from './present/staging.ts';

/** Which model each view takes; a wrong pair does not compile. */
export interface Views {
  'activity': Activity;
  'connect/landing': Landing;
  'connect/quickbooks': ConnectPage;
  'connect/linarc': LinarcPage;
  'failure/page': Failure;
  'failure/line': Failure;
  'record/exclude': ExcludePage;
  'record/history': History;
  'record/json': JsonScript;
  'record/mapping': Mapping;
  'runs/list': RunsPage;
  'runs/page': RunPage;
  'settings/page': SettingsPage;
  'spreadsheet/import': SpreadsheetPage;
  'spreadsheet/report': SheetReportPage;
  'staging/changed': ChangedRows;
  'staging/chips': Chips;
  'staging/live': Live;
  'staging/page': Staging;
  'staging/picker': Picker;
  'staging/preview': Preview;
  'staging/rail': Rail;
  'staging/row': Row;
}
