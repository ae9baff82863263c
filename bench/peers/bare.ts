// A bare Express + EJS server of one page: `node bare.js FOLDER` renders page.ejs with page.json for every request, and does nothing else.
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';

const folder = process.argv[2] ?? '.';
const model = JSON.parse(readFileSync(join(folder, 'page.json'), 'utf8')) as object;
const app = express();
app.disable('etag').enable('view cache').set('views', folder).set('view engine', 'ejs');
app.get('/', (_req, res) => res.render('page', model));
const server = app.listen(0, '127.0.0.1', (error) => {
  if (error) throw error;
  process.stdout.write(`ready http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
