import type { CompanyWish } from './world.ts';

/** The companies a fresh sandbox begins with. */
export const DEFAULT_COMPANIES: readonly CompanyWish[] = [
  {
    name: 'Hillside Builders', plan: 'QuickBooks Online Advanced', classTracking: 'row', longIds: true,
    admins: ['mara', 'jonas'], users: ['priya'],
    classes: ['01 10 00 Summary', 'Residential', 'Residential:Kitchens', 'Residential:Bathrooms',
      'Residential:Bathrooms:Fixtures', 'Commercial',
      'Commercial:Tenant fit-out', 'Overhead', 'Rentals (inactive)'],
  },
  {
    name: 'Ridgeline Mechanical', plan: 'QuickBooks Online Plus', classTracking: 'off', longIds: false, admins: ['mara'],
    users: ['jonas'],
    classes: ['Service', 'Installation'],
  },
  {
    name: 'Cedar & Stone', plan: 'QuickBooks Online Essentials', classTracking: 'off', longIds: false, admins: ['mara', 'tom'],
    users: [],
  },
];
