import { BLANK_FIELDS, CATEGORIES } from './records.ts';
import type { CostCodeFields } from './records.ts';

type Group = { readonly code: string; readonly name: string; readonly color: string; readonly lines: string };

/*
 * The sample libraries, in our own words. One line is one cost code:
 *   code | name | category, FIELD when empty | what differs: inactive, locked, fixed, indirect, 2500 sq ft
 */
const HILLSIDE: readonly Group[] = [
  { code: 'AD', name: 'Administration', color: '#5b6b7a', lines: `
    AD-100 | Accounting and payroll office | ADMIN | fixed indirect
    AD-110 | Office rent and utilities | ADMIN | fixed indirect
    AD-120 | Company insurance | ADMIN | fixed indirect
    AD-130 | Bank charges and bonding fees | ADMIN | indirect
    AD-140 | Legal counsel | ADMIN | indirect
    AD-150 | Training and certification | ADMIN | indirect
    AD-160 | Recruiting and onboarding | ADMIN | indirect
    AD-170 | Licenses and memberships | ADMIN | fixed indirect
    AD-180 | Software subscriptions, office | ADMIN | fixed indirect
    AD-190 | Marketing and bid promotion | ADMIN | indirect
    AD-195 | Fax line and switchboard | ADMIN | inactive indirect` },
  { code: 'OF', name: 'Project office', color: '#4a7a8c', lines: `
    OF-200 | Estimating and bid preparation | OFFICE | indirect
    OF-205 | Buyout and subcontract award | OFFICE | indirect
    OF-210 | Project management hours | OFFICE | locked indirect
    OF-215 | Scheduling and look-ahead updates | OFFICE | indirect
    OF-220 | Submittal review | OFFICE | indirect
    OF-225 | Request for information handling | OFFICE | indirect
    OF-230 | Change order pricing | OFFICE | indirect
    OF-235 | BIM coordination | OFFICE | indirect
    OF-240 | As-built drawings | OFFICE | indirect
    OF-245 | Closeout documents and manuals | OFFICE | indirect
    OF-250 | Warranty desk | OFFICE | indirect
    OF-255 | Plan printing and courier | OFFICE | inactive indirect` },
  { code: '01', name: 'General Requirements', color: '#7a6f5b', lines: `
    01 10 00 | Summary of work and phasing | OFFICE | indirect
    01 26 00 | Contract modification procedures | OFFICE | indirect
    01 31 13 | Site supervision | FIELD | locked indirect
    01 31 19 | Coordination meetings | OFFICE | indirect
    01 32 33 | Progress photographs and drone flights | FIELD | indirect
    01 35 23 | Site safety program | FIELD | indirect
    01 41 26 | Permits and inspections | OFFICE | fixed indirect
    01 45 23 | Materials testing laboratory | FIELD | indirect
    01 51 13 | Temporary power | FIELD | indirect
    01 51 36 | Temporary water | FIELD | indirect
    01 52 13 | Field office and trailers | FIELD | indirect
    01 52 19 | Portable toilets and wash stations | FIELD | indirect
    01 54 23 | Scaffolding and shoring towers | FIELD |
    01 55 26 | Traffic control and flagging | FIELD |
    01 56 26 | Site fencing and gates | FIELD |
    01 57 13 | Erosion and sediment control | FIELD |
    01 71 23 | Survey and layout | FIELD |
    01 74 13 | Daily cleanup | FIELD |
    01 74 19 | Dumpsters and waste hauling | FIELD |
    01 74 23 | Final cleaning | FIELD |
    01 78 39 | Record documents | OFFICE | inactive indirect` },
  { code: '02', name: 'Existing Conditions', color: '#8c5f4a', lines: `
    02 21 13 | Property line survey | FIELD |
    02 32 13 | Test borings | FIELD |
    02 41 13 | Pavement removal | FIELD |
    02 41 16 | Whole building demolition | FIELD |
    02 41 19 | Selective interior demolition | FIELD | locked
    02 43 13 | Moving of structures | FIELD | inactive
    02 82 13 | Asbestos removal | FIELD |
    02 83 19 | Lead paint removal | FIELD |
    02 87 13 | Mold cleanup | FIELD |` },
  { code: '03', name: 'Concrete', color: '#6b7280', lines: `
    03 00 00 | Concrete | FIELD | locked
    03 11 13 | Wall and column forms | FIELD |
    03 11 16 | Slab edge forms | FIELD |
    03 15 16 | Construction joints and waterstops | FIELD |
    03 21 11 | Reinforcing steel, plain bar | FIELD | locked
    03 22 11 | Welded wire mesh | FIELD |
    03 24 00 | Fiber reinforcing | FIELD |
    03 30 00 | Cast-in-place concrete | FIELD | locked
    03 30 00.25 | Slab on grade pour | FIELD | 2500 sq ft
    03 30 00.35 | Slab on grade pour | FIELD | 3500 sq ft
    03 30 53 | Equipment pads and small pours | FIELD |
    03 31 16 | Lightweight topping | FIELD |
    03 35 13 | Troweled floor finish | FIELD |
    03 35 43 | Polished floor finish | FIELD |
    03 37 13 | Shotcrete walls | FIELD | inactive
    03 41 16 | Precast plank | FIELD |
    03 45 13 | Precast wall panels | FIELD |
    03 54 16 | Self-leveling underlayment | FIELD |
    03 62 13 | Non-shrink grout | FIELD |
    03 81 13 | Wall sawing | FIELD |
    03 82 13 | Core drilling | FIELD |` },
  { code: '04', name: 'Masonry', color: '#a0522d', lines: `
    04 05 13 | Mortar and grout | FIELD |
    04 05 19 | Masonry ties and anchors | FIELD |
    04 20 00 | Unit masonry | FIELD |
    04 21 13 | Face brick veneer | FIELD |
    04 22 00 | Concrete block walls | FIELD | locked
    04 43 13 | Thin stone veneer | FIELD |
    04 72 00 | Cast stone sills and caps | FIELD |
    04 01 20 | Brick repointing | FIELD | inactive` },
  { code: '05', name: 'Metals', color: '#54707e', lines: `
    05 05 23 | Field welding and bolting | FIELD |
    05 12 00 | Structural steel frame | FIELD | locked
    05 21 19 | Open web joists | FIELD |
    05 31 13 | Floor deck | FIELD |
    05 31 23 | Roof deck | FIELD |
    05 40 00 | Cold-formed metal framing | FIELD |
    05 50 00 | Miscellaneous metals | FIELD |
    05 51 13 | Steel pan stairs | FIELD |
    05 52 13 | Pipe and tube railings | FIELD |
    05 53 13 | Bar grating | FIELD |
    05 73 00 | Ornamental guards | FIELD |` },
  { code: '06', name: 'Wood, Plastics, and Composites', color: '#8a6d3b', lines: `
    06 10 00 | Rough carpentry | FIELD | locked
    06 10 53 | Blocking and backing | FIELD |
    06 16 00 | Wall and roof sheathing | FIELD |
    06 17 33 | Wood I-joists | FIELD |
    06 17 53 | Shop-built roof trusses | FIELD |
    06 18 13 | Glued laminated beams | FIELD |
    06 20 13 | Exterior trim | FIELD |
    06 20 23 | Interior finish carpentry | FIELD |
    06 41 16 | Plastic laminate casework | FIELD |
    06 46 00 | Running trim and base | FIELD |
    06 61 16 | Solid surface tops | FIELD |` },
  { code: '07', name: 'Thermal and Moisture Protection', color: '#3f6f5f', lines: `
    07 11 13 | Below-grade dampproofing | FIELD |
    07 13 26 | Sheet membrane waterproofing | FIELD |
    07 21 13 | Rigid board insulation | FIELD |
    07 21 16 | Batt insulation | FIELD |
    07 21 29 | Sprayed foam insulation | FIELD |
    07 25 00 | Weather barrier wrap | FIELD |
    07 26 16 | Under-slab vapor retarder | FIELD |
    07 31 13 | Asphalt shingles | FIELD |
    07 41 13 | Standing seam roof | FIELD |
    07 46 46 | Fiber cement siding | FIELD |
    07 54 23 | TPO roof membrane | FIELD | locked
    07 62 00 | Sheet metal flashing | FIELD |
    07 72 33 | Roof hatches | FIELD |
    07 84 13 | Firestopping at penetrations | FIELD |
    07 92 00 | Joint sealants | FIELD |` },
  { code: '08', name: 'Openings', color: '#4b6cb7', lines: `
    08 11 13 | Hollow metal doors and frames | FIELD | locked
    08 14 16 | Flush wood doors | FIELD |
    08 31 13 | Access doors | FIELD |
    08 33 23 | Overhead coiling doors | FIELD |
    08 36 13 | Sectional doors | FIELD |
    08 41 13 | Storefront entrances | FIELD |
    08 44 13 | Glazed curtain wall | FIELD |
    08 53 13 | Vinyl windows | FIELD |
    08 62 00 | Unit skylights | FIELD | inactive
    08 71 00 | Door hardware sets | FIELD |
    08 71 13 | Automatic door operators | FIELD |
    08 80 00 | Glazing | FIELD |
    08 91 19 | Fixed louvers | FIELD |` },
  { code: '09', name: 'Finishes', color: '#8b5a8c', lines: `
    09 20 00 | Drywall | FIELD | locked
    09 22 16 | Metal stud partitions | FIELD |
    09 24 23 | Stucco, three coats | FIELD |
    09 29 00 | Gypsum board hanging | FIELD |
    09 29 00 | Gypsum board, second crew | FIELD |
    09 29 82 | Board finishing level 4 | FIELD | 18000 sq ft
    09 29 83 | Board finishing level 5 | FIELD | 4000 sq ft
    09 30 13 | Ceramic wall tile | FIELD |
    09 30 19 | Stone floor tile | FIELD |
    09 51 13 | Acoustic lay-in ceilings | FIELD |
    09 54 23 | Linear metal ceilings | FIELD |
    09 64 29 | Wood strip floor | FIELD |
    09 65 13 | Resilient base | FIELD |
    09 65 19 | Luxury vinyl tile | FIELD |
    09 67 23 | Epoxy floor | FIELD |
    09 68 13 | Carpet tile | FIELD |
    09 72 00 | Wall coverings | FIELD | inactive
    09 91 13 | Exterior painting | FIELD |
    09 91 23 | Interior painting | FIELD | locked
    09 96 00 | Protective coatings | FIELD |` },
  { code: '10', name: 'Specialties', color: '#b7791f', lines: `
    10 11 00 | Marker and tack boards | FIELD |
    10 14 23 | Room signs | FIELD |
    10 21 13 | Restroom partitions | FIELD |
    10 22 39 | Folding panel partitions | FIELD |
    10 26 00 | Corner guards | FIELD |
    10 28 13 | Restroom accessories | FIELD |
    10 44 13 | Extinguisher cabinets | FIELD |
    10 51 13 | Steel lockers | FIELD |` },
  { code: '11', name: 'Equipment', color: '#6d7b4a', lines: `
    11 13 13 | Dock bumpers | FIELD |
    11 13 16 | Dock levelers | FIELD |
    11 30 13 | Break room appliances | FIELD |
    11 40 00 | Commercial kitchen equipment | FIELD |
    11 52 13 | Projection screens | FIELD | inactive` },
  { code: '12', name: 'Furnishings', color: '#7b5d4a', lines: `
    12 21 13 | Horizontal blinds | FIELD |
    12 24 13 | Roller shades | FIELD |
    12 36 00 |  | FIELD |
    12 36 61 | Quartz countertops | FIELD |
    12 48 13 | Entrance mats | FIELD |
    12 93 00 | Site benches and bike racks | FIELD |` },
  { code: '13', name: 'Special Construction', color: '#5f6caf', lines: `
    13 11 00 | Swimming pools | FIELD | inactive
    13 34 19 | Metal building systems | FIELD |
    13 48 00 | Sound and vibration isolation | FIELD |` },
  { code: '14', name: 'Conveying Equipment', color: '#64748b', lines: `
    14 21 00 | Traction elevators | FIELD |
    14 24 00 | Hydraulic elevators | FIELD |
    14 42 00 | Wheelchair lifts | FIELD |` },
  { code: '21', name: 'Fire Suppression', color: '#b23b3b', lines: `
    21 05 00 | Fire suppression supports and sleeves | FIELD |
    21 11 00 | Fire service entrance | FIELD |
    21 13 13 | Wet pipe sprinklers | FIELD | locked
    21 13 16 | Dry pipe sprinklers | FIELD |
    21 30 00 | Fire pumps | FIELD |` },
  { code: '22', name: 'Plumbing', color: '#2f7fa8', lines: `
    22 05 23 | Plumbing valves | FIELD |
    22 05 29 | Pipe hangers and supports | FIELD |
    22 07 19 | Pipe insulation | FIELD |
    22 11 16 | Domestic water piping | FIELD | locked
    22 13 16 | Waste and vent piping | FIELD |
    22 14 13 | Storm drain piping | FIELD |
    22 33 00 | Electric water heaters | FIELD |
    22 34 00 | Gas water heaters | FIELD |
    22 42 13 | Toilets and urinals | FIELD |
    22 42 16 | Lavatories and sinks | FIELD |
    22 47 13 | Drinking fountains | FIELD |` },
  { code: '23', name: 'Heating, Ventilating, and Air Conditioning', color: '#3b82a0', lines: `
    23 05 93 | Testing, adjusting and balancing | FIELD |
    23 07 13 | Duct insulation | FIELD |
    23 09 23 | Direct digital controls for air handlers, variable volume boxes, exhaust fans and boilers, with graphics | FIELD |
    23 11 23 | Natural gas piping | FIELD |
    23 21 13 | Hydronic piping | FIELD |
    23 23 00 | Refrigerant piping | FIELD |
    23 31 13 | Metal ducts | FIELD | locked
    23 34 23 | Exhaust fans | FIELD |
    23 37 13 | Grilles and diffusers | FIELD |
    23 52 16 | Condensing boilers | FIELD |
    23 74 13 | Rooftop units | FIELD |
    23 81 26 | Split systems | FIELD |` },
  { code: '25', name: 'Integrated Automation', color: '#4f5d75', lines: `
    25 11 13 | Control network | FIELD |
    25 55 00 | Energy management controls | FIELD |` },
  { code: '26', name: 'Electrical', color: '#c08a00', lines: `
    26 05 19 | Low-voltage feeders | FIELD |
    26 05 26 | Grounding and bonding | FIELD |
    26 05 33 | Conduit and boxes | FIELD | locked
    26 22 13 | Dry-type transformers | FIELD |
    26 24 13 | Switchboards | FIELD |
    26 24 16 | Panelboards: lighting\tand appliance | FIELD |
    26 27 26 | Wiring devices | FIELD |
    26 28 16 | Disconnects and breakers | FIELD |
    26 32 13 | Standby generators | FIELD |
    26 41 13 | Lightning protection | FIELD | inactive
    26 51 13 | Interior lighting | FIELD |
    26 56 13 | Parking lot lighting | FIELD |` },
  { code: '27', name: 'Communications', color: '#0f766e', lines: `
    27 05 28 | Cable tray and pathways | FIELD |
    27 11 16 | Racks and cabinets | FIELD |
    27 15 13 | Copper data cabling | FIELD |
    27 13 23 | Fiber backbone | FIELD |
    27 51 16 | Public address | FIELD |` },
  { code: '28', name: 'Electronic Safety and Security', color: '#7c3aed', lines: `
    28 13 00 | Door access control | FIELD |
    28 23 00 | Camera system | FIELD |
    28 31 11 | Fire alarm panel and devices | FIELD |` },
  { code: '31', name: 'Earthwork', color: '#92400e', lines: `
    31 10 00 | Clearing and grubbing | FIELD |
    31 14 13 | Topsoil strip and stockpile | FIELD |
    31 22 13 | Rough grading | FIELD | locked
    31 23 16 | Mass excavation | FIELD | 12000 cu yd
    31 23 16.13 | Trench excavation | FIELD | 3200 cu yd
    31 23 19 | Dewatering | FIELD |
    31 23 23 | Backfill and compaction | FIELD |
    31 25 13 | Silt fence | FIELD |
    31 32 13 | Lime stabilization | FIELD |
    31 63 29 | Drilled piers | FIELD |` },
  { code: '32', name: 'Exterior Improvements', color: '#4d7c0f', lines: `
    32 11 23 | Aggregate base | FIELD |
    32 12 16 | Asphalt paving | FIELD | locked
    32 13 13 | Concrete paving and aprons | FIELD |
    32 16 13 | Curb and gutter | FIELD | 1800 lin ft
    32 16 23 | Sidewalks | FIELD | 6400 sq ft
    32 17 23 | Pavement striping | FIELD |
    32 31 13 | Chain link fence | FIELD |
    32 32 23 | Segmental retaining walls | FIELD |
    32 84 00 | Irrigation | FIELD |
    32 92 23 | Sod and seed | FIELD |
    32 93 00 | Trees and shrubs | FIELD |` },
  { code: '33', name: 'Utilities', color: '#155e75', lines: `
    33 05 13 | Manholes and structures | FIELD |
    33 11 13 | Site water main | FIELD |
    33 31 13 | Site sanitary sewer | FIELD |
    33 41 13 | Storm sewer | FIELD | locked
    33 46 16 | Foundation drains | FIELD |
    33 51 13 | Site gas line | FIELD |
    33 71 19 | Electrical duct bank | FIELD |
    SITE-NORTH/PHASE-02/BUILDING-C/WING-EAST/LEVEL-03/UTILITY-CORRIDOR/SEGMENT-0147/SLEEVE-AND-CORE-SET/B | Sleeves | FIELD |` },
  { code: 'TM', name: 'Time and material', color: '#be185d', lines: `
    TM-100 | Extra work, carpenter hours | T&M |
    TM-105 | Extra work, laborer hours | T&M |
    TM-110 | Extra work, electrician hours | T&M |
    TM-115 | Extra work, plumber hours | T&M |
    TM-120 | Extra work, operator hours | T&M |
    TM-125 | Extra work, foreman hours | T&M |
    TM-130 | Extra work, materials at cost | T&M |
    TM-135 | Extra work, small tools | T&M |
    TM-140 | Extra work, equipment rental | T&M |
    TM-145 | Owner-directed overtime premium | T&M |
    TM-150 | Emergency call-out | T&M |
    TM-155 | Weather protection on request | T&M | inactive
    TM-20:N | Night crew premium | T&M |
    TM-20-N | Night crew premium | T&M |` },
  { code: 'RC', name: 'Recurring costs', color: '#9f1239', lines: `
    RC-010 | Site trailer rent, monthly | Recurring Cost | fixed indirect
    RC-015 | Storage container rent, monthly | Recurring Cost | fixed indirect
    RC-020 | Tower crane rent, monthly | Recurring Cost | fixed
    RC-025 | Telehandler lease | Recurring Cost | fixed
    RC-030 | Builder's risk premium installment | Recurring Cost | fixed indirect
    RC-035 | Jobsite internet | Recurring Cost | fixed indirect
    RC-040 | Jobsite security watch | Recurring Cost | indirect
    RC-045 | Fuel delivery, weekly | Recurring Cost |
    RC-050 | Truck payments | Recurring Cost | fixed indirect
    RC-055 | Pager rental | Recurring Cost | inactive indirect
     | Returned material, not assigned | Recurring Cost |` },
];

const RIDGELINE: readonly Group[] = [
  { code: '22', name: 'Plumbing', color: '#2f7fa8', lines: `
    22 11 16 | Domestic water piping | FIELD |
    22 13 16 | Waste and vent piping | FIELD |
    22 42 13 | Fixture setting | FIELD |` },
  { code: '23', name: 'Heating, Ventilating, and Air Conditioning', color: '#3b82a0', lines: `
    23 21 13 | Hydronic piping | FIELD |
    23 31 13 | Ductwork, shop built | FIELD |
    23 74 13 | Rooftop unit setting | FIELD |
    23 05 93 | Air and water balance | FIELD |` },
  { code: 'SV', name: 'Service department', color: '#be185d', lines: `
    SV-10 | Service call labor | T&M |
    SV-20 | Service parts | T&M |
    SV-30 | Maintenance agreements | Recurring Cost | fixed
    SV-40 | Dispatch desk | OFFICE | indirect
    SV-50 | Shop overhead | ADMIN | fixed indirect` },
];

/** The library of Hillside Builders: about 250 codes of every kind, some of which cannot be synced as they are. */
export const hillsideSample = (): CostCodeFields[] => HILLSIDE.flatMap(codesOf);

/** The library of Ridgeline Mechanical, a dozen codes. */
export const ridgelineSample = (): CostCodeFields[] => RIDGELINE.flatMap(codesOf);

function codesOf(group: Group): CostCodeFields[] {
  return group.lines.split('\n').filter((line) => line.trim()).map((line) => codeOf(line, group));
}

function codeOf(line: string, group: Group): CostCodeFields {
  const [costCode = '', costCodeName = '', category = '', remarks = ''] = line.split('|').map((part) => part.trim());
  const amount = /(\d+) (sq ft|cu yd|lin ft)/.exec(remarks);
  return {
    ...BLANK_FIELDS,
    costCode,
    costCodeName,
    color: group.color,
    locked: remarks.includes('locked'),
    divisionCode: group.code,
    divisionName: group.name,
    costTypeCategory: CATEGORIES.find((known) => known === category) ?? 'FIELD',
    costType: remarks.includes('fixed') ? 'Fixed' : 'Variable',
    costAttribution: remarks.includes('indirect') ? 'Indirect' : 'Direct',
    quantity: amount ? Number(amount[1]) : null,
    effort: amount ? Math.round(Number(amount[1]) / 40) : null,
    unit: amount?.[2] ?? null,
    status: remarks.includes('inactive') ? 'inactive' : 'active',
  };
}
