// SPDX-License-Identifier: MIT
// What node_redis_test.py runs: node node_redis_story.js <folder with node_modules> <port> <story> <protocol>. Exit code
// 0: all was as expected; else the first difference is on standard error. A line on standard output asks the test for
// something.
'use strict';

const assert = require('assert');
const path = require('path');
const {
  createClient, ErrorReply, MultiErrorReply, RESP_TYPES, WatchError,
} = require(require.resolve('redis', { paths: [path.resolve(process.argv[2])] }));
const port = Number(process.argv[3]);
const RESP = Number(process.argv[5]);

async function connected(more = {}) {
  const client = createClient({ RESP, ...more, socket: { port, host: '127.0.0.1', ...more.socket } });
  client.on('error', more.onError || ((error) => { throw error; }));
  await client.connect();
  return client;
}

async function collect(iterator) {
  const found = [];
  for await (const keys of iterator) found.push(...keys);
  return found;
}

// Asks until it is so; each question is a round trip.
async function until(question) {
  while (!await question());
}

function nextCall() {
  let listener;
  const called = new Promise((resolve) => { listener = (...args) => resolve(args); });
  return [called, listener];
}

const stories = {
  async strings(client) {
    assert.strictEqual(await client.ping(), 'PONG');
    assert.strictEqual(await client.set('k', 'v'), 'OK');
    assert.strictEqual(await client.get('k'), 'v');
    assert.strictEqual(await client.get('none'), null);
    assert.strictEqual(await client.set('k', 'w', { condition: 'NX' }), null);
    assert.strictEqual(await client.set('k', 'w', { condition: 'XX', GET: true }), 'v');
    assert.strictEqual(await client.set('t', 'x', { expiration: { type: 'EX', value: 100 } }), 'OK');
    assert.ok(await client.pTTL('t') > 90000);
    assert.ok(await client.ttl('t') <= 100);
    assert.strictEqual(await client.getEx('t', { type: 'PX', value: 500000 }), 'x');
    assert.ok(await client.ttl('t') > 400);
    assert.strictEqual(await client.persist('t'), 1);
    assert.strictEqual(await client.ttl('t'), -1);
    assert.strictEqual(await client.expire('t', 0), 1);
    assert.strictEqual(await client.exists(['t', 'k']), 1);
    assert.strictEqual(await client.mSet({ a: '1', b: 'zwei' }), 'OK');
    assert.deepStrictEqual(await client.mGet(['a', 'b', 'none']), ['1', 'zwei', null]);
    assert.strictEqual(await client.getDel('a'), '1');
    assert.strictEqual(await client.append('k', '!'), 2);
    assert.strictEqual(await client.getRange('k', 0, 0), 'w');
    assert.strictEqual(await client.setRange('k', 1, 'ow'), 3);
    assert.strictEqual(await client.strLen('k'), 3);
    assert.strictEqual(await client.type('k'), 'string');
    assert.strictEqual(await client.setBit('bits', 7, 1), 0);
    assert.strictEqual(await client.bitCount('bits'), 1);
    assert.deepStrictEqual(await client.bitField('bits', [
      { operation: 'GET', encoding: 'u8', offset: 0 },
      { operation: 'INCRBY', encoding: 'u8', offset: 0, increment: 5 },
    ]), [1, 6]);
    await client.mSet({ x: 'ohmytext', y: 'mynewtext' });
    assert.strictEqual(await client.lcs('x', 'y'), 'mytext');
    const idx = await client.lcsIdx('x', 'y');
    assert.deepStrictEqual([idx.len, idx.matches.length], [6, 2]);
    assert.strictEqual(await client.set('text', 'Grüße ☕'), 'OK');
    assert.strictEqual(await client.get('text'), 'Grüße ☕');
    const bytes = Buffer.from(Array.from({ length: 70000 }, (_, i) => i % 256));
    await client.set('bytes', bytes);
    const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.ok((await binary.get('bytes')).equals(bytes));
  },

  async counters(client) {
    assert.strictEqual(await client.incr('n'), 1);
    assert.strictEqual(await client.incrBy('n', 41), 42);
    assert.strictEqual(await client.decr('n'), 41);
    assert.strictEqual(await client.decrBy('n', 2), 39);
    assert.strictEqual(await client.get('n'), '39');
    assert.strictEqual(await client.objectEncoding('n'), 'int');
    assert.strictEqual(Number(await client.incrByFloat('f', 2.5)), 2.5);
    await client.set('n', '9223372036854775806');
    assert.strictEqual(await client.sendCommand(['INCR', 'n']), Number('9223372036854775807'));
    await assert.rejects(client.incr('n'), /^Error: ERR increment or decrement would overflow$/);
  },

  async lists(client) {
    assert.strictEqual(await client.rPush('l', ['a', 'b', 'c']), 3);
    assert.strictEqual(await client.lPush('l', 'z'), 4);
    assert.strictEqual(await client.lPushX('none', 'z'), 0);
    assert.deepStrictEqual(await client.lRange('l', 0, -1), ['z', 'a', 'b', 'c']);
    assert.strictEqual(await client.lIndex('l', 1), 'a');
    assert.strictEqual(await client.lPos('l', 'b'), 2);
    assert.deepStrictEqual(await client.lPosCount('l', 'c', 0), [3]);
    assert.strictEqual(await client.lInsert('l', 'BEFORE', 'b', 'x'), 5);
    assert.strictEqual(await client.lSet('l', 0, 'y'), 'OK');
    assert.strictEqual(await client.lRem('l', 1, 'x'), 1);
    assert.strictEqual(await client.lTrim('l', 0, 2), 'OK');
    assert.strictEqual(await client.lMove('l', 'm', 'LEFT', 'RIGHT'), 'y');
    assert.deepStrictEqual(await client.lmPop(['l', 'm'], 'RIGHT', { COUNT: 2 }), ['l', ['b', 'a']]);
    assert.strictEqual(await client.lmPop(['l'], 'LEFT'), null);
    assert.strictEqual(await client.lPop('none'), null);
    assert.strictEqual(await client.lPopCount('none', 2), null);
    assert.deepStrictEqual(await client.rPopCount('m', 5), ['y']);
    assert.strictEqual(await client.exists('m'), 0);
  },

  async blocking(client) {
    assert.strictEqual(await client.blPop('none', 0.05), null);
    assert.strictEqual(await client.blmPop(0.05, ['none'], 'LEFT'), null);
    const other = await connected();
    const calls = [
      [() => other.blPop(['p', 'q'], 10), ['q', 'x'], { key: 'q', element: 'x' }],
      [() => other.brPop('q', 10), ['q', 'y'], { key: 'q', element: 'y' }],
      [() => other.blMove('q', 'r', 'LEFT', 'LEFT', 10), ['q', 'z'], 'z'],
      [() => other.blmPop(10, ['p', 'q'], 'LEFT', { COUNT: 2 }), ['q', ['1', '2', '3']], ['q', ['1', '2']]],
    ];
    for (const [call, push, wanted] of calls) {
      const waits = call();
      await until(async () => /blocked_clients:1\r/.test(await client.info('clients')));
      await client.rPush(...push);
      assert.deepStrictEqual(await waits, wanted);
    }
    const waits = other.blPop('p', 0);
    await until(async () => /blocked_clients:1\r/.test(await client.info('clients')));
    other.destroy();
    await assert.rejects(waits);
    await until(async () => /blocked_clients:0\r/.test(await client.info('clients')));
  },

  async multi(client) {
    assert.deepStrictEqual(await client.multi().set('m', '1').incr('m').rPush('l', ['a', 'b']).get('m').exec(),
      ['OK', 2, 2, '2']);
    const error = await client.multi().set('s', 'x').lPush('s', '1').get('s').exec().catch((e) => e);
    assert.ok(error instanceof MultiErrorReply, `${error}`);
    assert.deepStrictEqual(error.errorIndexes, [1]);
    assert.match(error.replies[1].message, /^WRONGTYPE /);
    assert.strictEqual(error.replies[2], 'x');
    await assert.rejects(client.multi().set('m', 'never').addCommand(['NOSUCH']).exec(), /EXECABORT|unknown command/);
    assert.strictEqual(await client.get('m'), '2');
    const other = await connected();
    await client.watch('m');
    await other.incr('m');
    await assert.rejects(client.multi().set('m', 'never').exec(), (e) => e instanceof WatchError);
    await client.watch('m');
    assert.strictEqual(await client.unwatch(), 'OK');
    await other.incr('m');
    assert.deepStrictEqual(await client.multi().incr('m').exec(), [5]);
    await other.close();
  },

  async pipelines(client) {
    const sets = [];
    for (let i = 0; i < 5000; i++) sets.push(client.set(`many:${i}`, `${i}`)); // one turn of the loop: one write
    assert.ok((await Promise.all(sets)).every((reply) => reply === 'OK'));
    const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => client.get(`many:${i}`)));
    assert.deepStrictEqual(replies, Array.from({ length: 1000 }, (_, i) => `${i}`));
    assert.deepStrictEqual(await client.multi().get('many:1').incr('many:1').execAsPipeline(), ['1', 2]);
    await client.rPush('list', '1');
    const found = await collect(client.scanIterator({ MATCH: 'many:*', COUNT: 500 }));
    assert.strictEqual(new Set(found).size, 5000);
    assert.deepStrictEqual(await collect(client.scanIterator({ TYPE: 'list' })), ['list']);
    assert.strictEqual((await client.keys('many:1*')).length, 1111);
    assert.strictEqual(await client.dbSize(), 5001);
    assert.strictEqual(await client.unlink(['many:1', 'many:2', 'none']), 2);
    assert.strictEqual(await client.rename('list', 'other'), 'OK');
    assert.strictEqual(await client.copy('other', 'copy'), 1);
    assert.strictEqual(await client.flushDb(), 'OK');
    assert.strictEqual(await client.dbSize(), 0);
  },

  async pubsub(client) {
    const subscriber = await connected();
    const [heard, listener] = nextCall();
    const [matched, patternListener] = nextCall();
    const [bytes, bytesListener] = nextCall();
    await subscriber.subscribe('news', listener);
    await subscriber.pSubscribe('ne*', patternListener);
    await subscriber.subscribe('raw', bytesListener, true);
    assert.strictEqual(await client.publish('news', 'hör zu'), 2);
    assert.deepStrictEqual(await heard, ['hör zu', 'news']);
    assert.deepStrictEqual(await matched, ['hör zu', 'news']);
    assert.strictEqual(await client.publish('raw', Buffer.from([0, 255, 13, 10])), 1);
    assert.deepStrictEqual([...(await bytes)[0]], [0, 255, 13, 10]);
    assert.deepStrictEqual((await client.pubSubChannels()).sort(), ['news', 'raw']);
    assert.strictEqual(await client.pubSubNumPat(), 1);
    assert.strictEqual((await client.pubSubNumSub(['news'])).news, 1);
    // Under RESP3 a connection that listens may also ask.
    if (RESP === 3) assert.strictEqual(await subscriber.set('asked', 'meanwhile'), 'OK');
    assert.strictEqual(await client.configSet('notify-keyspace-events', 'KEA'), 'OK');
    const [event, eventListener] = nextCall();
    await subscriber.subscribe('__keyspace@0__:k', eventListener);
    await client.set('k', 'v');
    assert.deepStrictEqual(await event, ['set', '__keyspace@0__:k']);
    await client.configSet('notify-keyspace-events', '');
    // Without names node-redis 5.12 waits for a count of 0, which does not come while there is a pattern.
    await subscriber.unsubscribe(['news', 'raw', '__keyspace@0__:k']);
    await subscriber.pUnsubscribe();
    assert.strictEqual(await client.publish('news', 'nobody'), 0);
    assert.strictEqual(`${await subscriber.ping()}`, 'PONG'); // in RESP2 it comes as a Buffer
    await subscriber.close();
  },

  async errors(client) {
    await client.rPush('l', 'x');
    await client.set('text', 'x');
    const cases = [
      [['INCR', 'text'], 'ERR value is not an integer or out of range'],
      [['GET', 'l'], 'WRONGTYPE Operation against a key holding the wrong kind of value'],
      [['NOSUCH', 'x'], "ERR unknown command 'NOSUCH', with args beginning with: 'x' "],
      [['GET'], "ERR wrong number of arguments for 'get' command"],
      [['SET', 'k', 'v', 'EX', '0'], "ERR invalid expire time in 'set' command"],
      [['SET', 'k', 'v', 'SOMETIMES'], 'ERR syntax error'],
      [['LSET', 'l', '9', 'x'], 'ERR index out of range'],
      [['EXEC'], 'ERR EXEC without MULTI'],
      [['RENAME', 'none', 'k'], 'ERR no such key'],
      [['SELECT', '16'], 'ERR DB index is out of range'],
    ];
    for (const [words, wanted] of cases) {
      const error = await client.sendCommand(words).catch((e) => e);
      assert.ok(error instanceof ErrorReply, `${words}: ${error}`);
      if (wanted !== null) assert.strictEqual(error.message, wanted);
    }
    assert.strictEqual(await client.ping(), 'PONG');
  },

  async server(client) {
    const hello = await client.hello();
    assert.deepStrictEqual([hello.proto, hello.mode, hello.role], [RESP, 'standalone', 'master']);
    const info = await client.info();
    assert.match(info, /\r\nloading:0\r\n/);
    assert.match(info, /redis_version:\d+\.\d+\.\d+\r\n/);
    assert.strictEqual(await client.clientSetName('node'), 'OK');
    assert.strictEqual(await client.clientGetName(), 'node');
    const mine = await client.clientInfo();
    assert.deepStrictEqual([mine.id, mine.name, mine.libName], [await client.clientId(), 'node', 'node-redis']);
    assert.deepStrictEqual((await client.clientList()).map((one) => one.name), ['node']);
    assert.strictEqual((await client.configGet('maxclients')).maxclients, '10000');
    assert.strictEqual(await client.configSet('timeout_s', '100'), 'OK');
    assert.strictEqual((await client.configGet('timeout_s')).timeout_s, '100');
    assert.strictEqual(await client.configSet('timeout_s', '0'), 'OK');
    assert.strictEqual(await client.echo('hello'), 'hello');
    assert.ok(await client.commandCount() > 90);
    const get = (await client.commandInfo(['get']))[0];
    assert.deepStrictEqual([get.name, get.arity, get.firstKeyIndex], ['get', 2, 1]);
    assert.deepStrictEqual(await client.commandGetKeys(['MSET', 'a', '1', 'b', '2']), ['a', 'b']);
    assert.strictEqual((await client.moduleList()).length, 3);
    assert.strictEqual(await client.memoryUsage('none'), null);
    await client.set('k', 'v');
    assert.ok(await client.memoryUsage('k') > 0);
    assert.strictEqual(await client.touch(['k', 'none']), 1);
    const named = await connected({ name: 'named' });
    assert.strictEqual(await named.clientGetName(), 'named');
    await named.close();
  },

  async pool() {
    const { createClientPool } = require(require.resolve('redis', { paths: [path.resolve(process.argv[2])] }));
    const pool = createClientPool({ RESP, socket: { port, host: '127.0.0.1' } }, { minimum: 2, maximum: 5 });
    await pool.connect();
    await Promise.all(Array.from({ length: 300 }, () => pool.incr('n')));
    assert.strictEqual(await pool.get('n'), '300');
    await pool.close();
  },

  // The server is killed, and started again on its data: what was answered is there, what waits meanwhile is carried
  // out, and subscriptions are made again.
  async reconnect() {
    const quiet = { onError: () => {}, socket: { reconnectStrategy: 20 } };
    const patient = await connected(quiet);
    const subscriber = await connected(quiet);
    const [heard, listener] = nextCall();
    await subscriber.subscribe('news', listener);
    const pushes = [];
    for (let i = 0; i < 100; i++) pushes.push(patient.rPush('log', `${i}`));
    assert.strictEqual((await Promise.all(pushes))[99], 100);
    await patient.set('counted', '41');
    const lost = new Promise((resolve) => patient.once('reconnecting', resolve));
    const again = [patient, subscriber].map((one) => new Promise((resolve) => one.once('ready', resolve)));
    console.log('kill it');
    await lost;
    const waits = patient.incr('counted').catch((error) => { // to one that is dying, which has not seen it
      if (error.code !== 'ECONNRESET') throw error;
      return patient.incr('counted');
    });
    console.log('start it');
    assert.strictEqual(await waits, 42);
    await Promise.all(again);
    assert.strictEqual(await patient.lLen('log'), 100);
    assert.deepStrictEqual(await patient.lRange('log', -2, -1), ['98', '99']);
    await until(async () => await patient.publish('news', 'after') === 1);
    assert.deepStrictEqual(await heard, ['after', 'news']);
    await Promise.all([patient, subscriber].map((one) => one.close()));
  },

  async password() {
    const wrong = (options) => connected({ onError: () => {}, socket: { reconnectStrategy: false }, ...options });
    await assert.rejects(wrong({ password: 'wrong' }), /WRONGPASS/);
    const stranger = await wrong({}).then((one) => one.get('k').finally(() => one.destroy())).catch((e) => e);
    assert.match(`${stranger}`, /NOAUTH/);
    for (const options of [{ password: 'secret' }, { username: 'default', password: 'secret' }]) {
      const client = await connected(options);
      assert.strictEqual(await client.set('k', 'v'), 'OK');
      await client.close();
    }
  },
};

async function main() {
  const name = process.argv[4];
  if (stories[name].length === 0) {
    await stories[name]();
    return;
  }
  const client = await connected();
  await client.flushAll();
  await stories[name](client);
  await client.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
