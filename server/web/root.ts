import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The project's folder: views and public files stay there, whether this runs from the sources or from dist. */
export function projectRoot(from: string = import.meta.dirname): string {
  if (existsSync(join(from, 'views')) && existsSync(join(from, 'public'))) return from;
  const above = dirname(from);
  if (above === from) throw new Error('The folders views and public were not found above the server.');
  return projectRoot(above);
}
