import express, { type Express } from 'express';
import type { Store } from 'express-session';
import { join } from 'node:path';
import { on } from './log.ts';
import type { Metrics } from './metrics.ts';
import { assetsOf, intuitArtOf, publicFiles } from './web/assets.ts';
import { compressed } from './web/compress.ts';
import type { WebConfig } from './web/config.ts';
import { NotFound } from './web/errors.ts';
import { onError } from './web/failure.ts';
import { healthRoutes, requestMetrics } from './web/health.ts';
import { requestIdOf, requestLog } from './web/log.ts';
import { createRender, createRenderer } from './web/render.ts';
import { projectRoot } from './web/root.ts';
import { aboutRoutes } from './web/routes/about.ts';
import { entryRoutes } from './web/routes/entry.ts';
import { glanceRoutes } from './web/routes/glance.ts';
import { noticeRoutes } from './web/routes/notices.ts';
import { pickerRoutes } from './web/routes/picker.ts';
import { recordRoutes } from './web/routes/record.ts';
import { runRoutes } from './web/routes/runs.ts';
import { savedViewRoutes } from './web/routes/savedviews.ts';
import { settingsRoutes } from './web/routes/settings.ts';
import { spreadsheetRoutes } from './web/routes/spreadsheet.ts';
import { stagingRoutes } from './web/routes/staging.ts';
import { linarcRoutes } from './web/routes/linarc.ts';
import { teamRoutes } from './web/routes/team.ts';
import { noStore, sameOriginOnly, securityHeaders, usedMethodsOnly } from './web/security.ts';
import { savedBeforeRedirect, sessions, timeOut } from './web/session.ts';
import { isQuiet, shells, withRun, withNotices } from './web/shells.ts';
import { paths } from './web/paths.ts';
import { costCodesOnly, whoVisits } from './web/visit.ts';
import type { ScreenWorld, Web } from './web/web.ts';
import { webhookRoutes } from './web/webhooks.ts';

export interface AppServices {
  readonly world: ScreenWorld;
  /** Whether the database answers within so many milliseconds. */
  ping(ms: number): Promise<boolean>;
  readonly metrics: Pick<Metrics, 'contentType' | 'text' | 'request'>;
  readonly sessionStore: Store;
}

/** The web application. Reads top to bottom in the order a request passes through. */
export function createApp({ world, ping, metrics, sessionStore }: AppServices, config: WebConfig): Express {
  const root = projectRoot();
  const files = join(root, 'public');
  const renderer = createRenderer(join(root, 'views'));
  const render = createRender(renderer, shells(world, config, assetsOf(files)));
  const web: Web = { world, config, render, art: intuitArtOf(files) };

  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple').set('trust proxy', config.trustProxyHops);

  app.use(healthRoutes({ ping, metrics }, config));
  app.use(requestLog(config));
  app.use((req, _res, next) => on({ reqId: requestIdOf(req) }, next));
  app.use(requestMetrics(metrics.request));
  app.use(securityHeaders(config));
  app.use(usedMethodsOnly);
  app.use(webhookRoutes(world, { verifiers: config.webhookVerifiers }));
  app.use(publicFiles(files));
  app.use(compressed());
  app.use(noStore);
  app.use(sameOriginOnly(config));
  app.use(express.urlencoded({ extended: false, limit: '512kb', parameterLimit: 10_000 }));
  app.use(sessions(sessionStore, config));
  app.use(savedBeforeRedirect);
  app.use(timeOut(() => world.clock.now(), isQuiet));
  app.use(whoVisits(world));
  app.use(withRun(world));
  app.use(withNotices(world));

  app.use(aboutRoutes(web));
  app.use(entryRoutes(web));
  app.use(linarcRoutes(web));
  app.use(teamRoutes(web));
  app.use(noticeRoutes(web));
  app.use([paths.costCodes, paths.imports], costCodesOnly);
  app.post(paths.runs, costCodesOnly);
  app.use(stagingRoutes(web, renderer));
  app.use(glanceRoutes(web));
  app.use(savedViewRoutes(web));
  app.use(pickerRoutes(web));
  app.use(recordRoutes(web));
  app.use(spreadsheetRoutes(web));
  app.use(runRoutes(web));
  app.use(settingsRoutes(web));

  app.use(() => {
    throw new NotFound();
  });
  app.use(onError(render, config));
  return app;
}
