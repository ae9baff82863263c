/** Every path of the app in one place: routes are declared with these, links and forms are made from them. */
export const paths = {
  home: '/',
  launch: '/launch',
  signedIn: '/auth/intuit/callback',
  signOut: '/sign-out',
  company: '/company',
  connect: '/connect',
  connectStart: '/connect/start',
  connectRequest: '/connect/request',
  connected: '/connect/callback',
  disconnect: '/disconnect',
  linarc: '/linarc',
  costCodes: '/cost-codes',
  live: '/cost-codes/live',
  preview: '/cost-codes/preview',
  exclude: '/cost-codes/exclude',
  exclusions: '/cost-codes/exclusions',
  inclusions: '/cost-codes/inclusions',
  imports: '/imports',
  picker: '/imports/selected',
  spreadsheets: '/imports/spreadsheets',
  template: '/imports/spreadsheets/template',
  spreadsheet: '/imports/spreadsheets/:id',
  spreadsheetRows: '/imports/spreadsheets/:id/rows',
  renamed: '/cost-codes/:id/renamed',
  history: '/cost-codes/:id/history',
  mapping: '/cost-codes/:id/mapping',
  overwrite: '/cost-codes/:id/overwrite',
  json: '/cost-codes/:id/json',
  retry: '/cost-codes/:id/retry',
  runs: '/runs',
  run: '/runs/:id',
  runLive: '/runs/:id/live',
  runWish: '/runs/:id/wish',
  settings: '/settings',
  classes: '/classes/refresh',
  quickbooksHook: '/webhooks/quickbooks',
  livez: '/livez',
  readyz: '/readyz',
} as const;

type WithId = { [K in keyof typeof paths]: (typeof paths)[K] extends `${string}:id${string}` ? K : never }[keyof typeof paths];

/** The address of one record's or run's page. */
export function pathTo(name: WithId, id: string): string {
  return paths[name].replace(':id', encodeURIComponent(id));
}
