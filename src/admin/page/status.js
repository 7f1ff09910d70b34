// The status page's own script: asks the admin API each second and draws what changed. Text goes in as text, never as markup.
import { bytesPerSecond, clock, count, duration, milliseconds, perSecond, plural } from './format.js';
import { rate } from './rate.js';
import { createRow, createSpark, drawSpark, element, keepRows } from './rows.js';

const REFRESH_MS = 1000;

const byId = (id) => document.getElementById(id);

void refresh();

async function refresh() {
  try {
    const [status, { upstreams }, { routes }] = await Promise.all(['/status', '/upstreams', '/routes'].map(load));
    draw(status, upstreams, routes);
  } catch (error) {
    drawLoss(error);
  }
  // A page nobody looks at asks nothing.
  if (document.hidden) document.addEventListener('visibilitychange', refresh, { once: true });
  else setTimeout(refresh, REFRESH_MS);
}

async function load(path) {
  const response = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(`${path} answers ${response.status}`);
  return response.json();
}

function draw(status, upstreams, routes) {
  // The gateway's own time, so that a slow answer or a page in the background bends no rate.
  const now = status.uptimeMs;
  drawHead(status);
  drawTotals(status, upstreams, routes, now);
  drawUpstreams(upstreams, now);
  drawRoutes(routes, now);
  drawListeners(status.listeners, now);
  drawChanges(upstreams);
}

function drawHead(status) {
  const workers = status.workers.filter((worker) => worker.state === 'ready').length;
  const parts = [
    `version ${status.version}`,
    `up ${duration(status.uptimeMs)}`,
    `${workers} of ${plural(status.workers.length, 'worker')} ready`,
    `configuration ${status.generation}`,
  ];
  byId('about').textContent = parts.join(', ');
  if (status.draining) setState('draining', 'warn');
  else setState(workers > 0 ? 'running' : 'starting', workers > 0 ? 'good' : 'warn');
  const reload = status.lastReload;
  const failed = reload !== null && !reload.ok;
  const lines = failed ? reload.problems.join('\n') : '';
  setNotice(
    failed ? `The last reload (${clock(reload.time)}) changed nothing, because of the configuration:\n${lines}` : '',
  );
}

function drawLoss(error) {
  setState('not reachable', 'bad');
  setNotice(`The gateway does not answer (${error.message}). This page goes on trying.`);
}

function setState(text, kind) {
  const badge = byId('state');
  badge.className = `badge ${kind}`;
  // Only a change is spoken by screen readers.
  if (badge.textContent !== text) badge.textContent = text;
}

function setNotice(text) {
  const notice = byId('notice');
  notice.hidden = text === '';
  if (notice.textContent !== text) notice.textContent = text;
}

function drawTotals(status, upstreams, routes, now) {
  const endpoints = upstreams.flatMap((upstream) => upstream.endpoints);
  const taking = endpoints.filter((endpoint) => endpoint.status === 'healthy' || endpoint.status === 'unknown');
  const all = rate(
    'total',
    sum(routes, (route) => route.requests.total),
    now,
  );
  const errors = rate(
    'errors',
    sum(routes, (route) => route.requests['5xx']),
    now,
  );
  byId('total-rate').textContent = perSecond(all.last);
  byId('total-errors').textContent = perSecond(errors.last);
  byId('total-in-flight').textContent = String(sum(endpoints, (endpoint) => endpoint.inFlight));
  byId('total-waiting').textContent = count(sum(upstreams, (upstream) => upstream.waiting));
  byId('total-connections').textContent = String(sum(status.listeners, (listener) => listener.connections));
  byId('total-endpoints').textContent = `${taking.length} of ${endpoints.length}`;
  drawSpark(byId('total-spark'), all.samples);
}

function drawUpstreams(upstreams, now) {
  keepRows(byId('upstreams'), upstreams, createCard, (card, upstream) => {
    drawUpstreamHead(card.querySelector('h3'), upstream);
    card.querySelector('.none').hidden = upstream.endpoints.length > 0;
    keepRows(card.querySelector('tbody'), upstream.endpoints, createEndpointRow, (row, endpoint) => {
      const requests = rate(`endpoint ${upstream.name} ${endpoint.name}`, endpoint.requests, now);
      const [name, health, perS, spark, inFlight, weight, failures, ejections] = row.children;
      name.textContent = endpoint.name;
      health.firstChild.className = `health ${endpoint.status}`;
      health.firstChild.textContent = endpoint.status;
      health.lastChild.textContent = endpoint.reason === '' ? '' : `  ${endpoint.reason}`;
      perS.textContent = perSecond(requests.last);
      drawSpark(spark.firstChild, requests.samples);
      inFlight.textContent = String(endpoint.inFlight);
      weight.textContent = String(endpoint.weight);
      failures.textContent = count(endpoint.failures);
      ejections.textContent = count(endpoint.ejections);
    });
  });
}

function drawUpstreamHead(head, upstream) {
  const { circuit, concurrency, waiting } = upstream;
  const parts = [element('span', 'quiet', upstream.balancer)];
  if (circuit !== null) parts.push(element('span', `health ${circuit}`, `circuit ${circuit}`));
  const limit = concurrency === null || concurrency.limit === null ? '' : ` of ${count(concurrency.limit)}`;
  if (concurrency !== null) parts.push(element('span', 'quiet', `${count(concurrency.inFlight)}${limit} at a time`));
  if (waiting > 0) parts.push(element('span', 'quiet', `${count(waiting)} waiting`));
  head.replaceChildren(upstream.name, ...parts);
}

function createCard() {
  const card = element('div', 'card');
  const scroll = element('div', 'scroll');
  const table = document.createElement('table');
  const head = table.createTHead().insertRow();
  const titles = ['Endpoint', 'Health', 'Requests/s', 'Last minute', 'In flight', 'Weight', 'Failures', 'Ejections'];
  for (const [index, title] of titles.entries()) {
    const cell = element('th', index >= 2 && index !== 3 ? 'number' : '', title);
    cell.scope = 'col';
    head.append(cell);
  }
  table.append(document.createElement('tbody'));
  scroll.append(table);
  card.append(document.createElement('h3'), scroll, element('p', 'none quiet', 'It has no endpoints.'));
  return card;
}

function createEndpointRow() {
  const row = createRow(['', '', 'number', '', 'number', 'number', 'number', 'number']);
  row.children[1].append(element('span', 'health'), element('span', 'quiet'));
  row.children[3].append(createSpark());
  return row;
}

function drawRoutes(routes, now) {
  keepRows(byId('routes'), routes, createRouteRow, (row, route) => {
    const requests = rate(`route ${route.name}`, route.requests.total, now);
    const [name, match, action, perS, spark, p50, p99, client, server] = row.children;
    name.textContent = route.name;
    match.textContent = route.match;
    action.textContent = route.action;
    perS.textContent = perSecond(requests.last);
    drawSpark(spark.firstChild, requests.samples);
    p50.textContent = milliseconds(route.latencyMs.p50);
    p99.textContent = milliseconds(route.latencyMs.p99);
    client.textContent = count(route.requests['4xx']);
    server.textContent = count(route.requests['5xx']);
  });
}

function createRouteRow() {
  const row = createRow(['', '', '', 'number', '', 'number', 'number', 'number', 'number']);
  row.children[4].append(createSpark());
  return row;
}

function drawListeners(listeners, now) {
  keepRows(byId('listeners'), listeners, createListenerRow, (row, listener) => {
    const key = `listener ${listener.name}`;
    const fresh = rate(`${key} accepted`, listener.accepted, now);
    const received = rate(`${key} received`, listener.receivedBytes, now);
    const sent = rate(`${key} sent`, listener.sentBytes, now);
    const bytes = rate(`${key} bytes`, listener.receivedBytes + listener.sentBytes, now);
    const [name, address, protocol, open, perS, up, down, spark, accepted, refused] = row.children;
    name.textContent = listener.name;
    address.textContent = listener.address;
    protocol.textContent = listener.protocol;
    open.textContent = count(listener.connections);
    perS.textContent = perSecond(fresh.last);
    up.textContent = bytesPerSecond(received.last);
    down.textContent = bytesPerSecond(sent.last);
    drawSpark(spark.firstChild, bytes.samples);
    accepted.textContent = count(listener.accepted);
    refused.textContent = count(listener.refused);
  });
}

function createListenerRow() {
  const row = createRow(['', '', '', 'number', 'number', 'number', 'number', '', 'number', 'number']);
  row.children[7].append(createSpark());
  return row;
}

function drawChanges(upstreams) {
  const changes = upstreams.flatMap((upstream) =>
    upstream.endpoints.flatMap((endpoint) =>
      endpoint.history.map((change) => ({
        ...change,
        name: `${change.time} ${upstream.name} ${endpoint.name}`,
        endpoint,
        upstream,
      })),
    ),
  );
  changes.sort((one, other) => (one.time < other.time ? 1 : -1));
  const shown = changes.slice(0, 8);
  const none = shown.length === 0;
  if (none) byId('changes').replaceChildren(element('li', 'quiet', 'None since the start.'));
  else keepRows(byId('changes'), shown, () => document.createElement('li'), drawChange);
}

function drawChange(item, change) {
  const reason = change.reason === '' ? '' : `: ${change.reason}`;
  const text = ` ${change.endpoint.name} of ${change.upstream.name}${reason}`;
  item.replaceChildren(
    element('time', '', clock(change.time)),
    element('span', `health ${change.status}`, change.status),
    text,
  );
}

function sum(items, value) {
  return items.reduce((total, item) => total + value(item), 0);
}
