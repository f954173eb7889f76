// SPDX-License-Identifier: MIT
// What ioredis_test.py runs: node ioredis_story.js <folder with node_modules> <port> <story>. Exit code 0: all was as
// expected; else the first difference is on standard error. A line on standard output asks the test for something.
'use strict';

const assert = require('assert');
const path = require('path');
const Redis = require(require.resolve('ioredis', { paths: [path.resolve(process.argv[2])] }));
const port = Number(process.argv[3]);

const stories = {
  async basics(redis) {
    assert.strictEqual(await redis.ping(), 'PONG');
    assert.strictEqual(await redis.set('k', 'v'), 'OK');
    assert.strictEqual(await redis.get('k'), 'v');
    assert.strictEqual(await redis.set('k', 'w', 'EX', 100, 'NX'), null);
    assert.strictEqual(await redis.get('none'), null);
    assert.strictEqual(await redis.incr('n'), 1);
    assert.strictEqual(await redis.incrby('n', 41), 42);
    assert.strictEqual(await redis.mset({ a: '1', b: 'zwei' }), 'OK');
    assert.deepStrictEqual(await redis.mget('a', 'b', 'none'), ['1', 'zwei', null]);
    assert.strictEqual(await redis.set('text', 'Grüße ☕'), 'OK');
    assert.strictEqual(await redis.get('text'), 'Grüße ☕');
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await redis.set('bytes', bytes);
    assert.ok((await redis.getBuffer('bytes')).equals(bytes));
    await assert.rejects(redis.incr('text'), /ERR value is not an integer/);
    await assert.rejects(redis.call('NOSUCH', 'x'), /unknown command/);
    assert.strictEqual(await redis.pexpire('a', 100000), 1);
    assert.ok((await redis.pttl('a')) > 90000);
  },

  async lists(redis) {
    assert.strictEqual(await redis.lpush('l', 'c', 'b', 'a'), 3);
    assert.deepStrictEqual(await redis.lrange('l', 0, -1), ['a', 'b', 'c']);
    assert.strictEqual(await redis.rpop('l'), 'c');
    assert.deepStrictEqual(await redis.brpop('l', 1), ['l', 'b']);
    assert.strictEqual(await redis.brpop('empty', 0.05), null);
    const other = redis.duplicate();
    const waits = other.brpop('later', 10);
    while (!/blocked_clients:1/.test(await redis.info('clients')));
    await redis.rpush('later', 'x');
    assert.deepStrictEqual(await waits, ['later', 'x']);
    other.disconnect();
  },

  async batches(redis) {
    const piped = await redis.pipeline().set('p', '1').incr('p').lpush('p', 'x').get('p').exec();
    assert.deepStrictEqual([piped[0], piped[1], piped[3]], [[null, 'OK'], [null, 2], [null, '2']]);
    assert.match(piped[2][0].message, /WRONGTYPE/);
    assert.deepStrictEqual(await redis.multi().set('m', '1').incr('m').exec(), [[null, 'OK'], [null, 2]]);
    await redis.multi({ pipeline: false });
    assert.strictEqual(await redis.incr('m'), 'QUEUED');
    assert.deepStrictEqual(await redis.exec(), [[null, 3]]);
    await redis.watch('m');
    const other = redis.duplicate();
    await other.incr('m');
    other.disconnect();
    assert.strictEqual(await redis.multi().set('m', 'never').exec(), null);
    const many = redis.pipeline();
    for (let i = 0; i < 5000; i++) many.set(`many:${i}`, `${i}`);
    assert.ok((await many.exec()).every(([error, reply]) => error === null && reply === 'OK'));
    let found = 0;
    for await (const keys of redis.scanStream({ match: 'many:*', count: 500 })) found += new Set(keys).size;
    assert.ok(found >= 5000);
    const automatic = new Redis({ host: '127.0.0.1', port, enableAutoPipelining: true });
    const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => automatic.get(`many:${i}`)));
    assert.deepStrictEqual(replies, Array.from({ length: 100 }, (_, i) => `${i}`));
    automatic.disconnect();
  },

  async server(redis) {
    const info = Object.fromEntries((await redis.info()).split('\r\n').filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
    assert.strictEqual(info.loading, '0');
    assert.strictEqual(info.role, 'master');
    assert.strictEqual(info.redis_mode, 'standalone');
    assert.match(info.redis_version, /^\d+\.\d+\.\d+$/);
    assert.strictEqual(await redis.client('SETNAME', 'node'), 'OK');
    assert.match(await redis.client('LIST'), /name=node /);
    assert.deepStrictEqual(await redis.config('GET', 'maxclients'), ['maxclients', '10000']);
    const named = new Redis({ host: '127.0.0.1', port, connectionName: 'named' });
    assert.strictEqual(await named.client('GETNAME'), 'named');
    await named.quit();
  },

  // RESP2 has no place for messages between answers: they go to a second connection, which listens.
  async tracking(redis) {
    const ears = redis.duplicate();
    const id = await ears.client('ID');
    await ears.subscribe('__redis__:invalidate');
    const heard = () => new Promise((resolve) => ears.once('message', (channel, keys) => resolve([channel, keys])));
    assert.strictEqual(await redis.client('TRACKING', 'ON', 'REDIRECT', id, 'NOLOOP'), 'OK');
    assert.strictEqual(await redis.get('k'), null);
    await redis.set('k', 'own');
    await redis.get('k');
    const writer = redis.duplicate();
    const news = heard();
    await writer.set('k', 'other');
    assert.deepStrictEqual(await news, ['__redis__:invalidate', 'k']); // ioredis makes a text of the array
    await writer.quit();
    await ears.quit();
  },

  // The server is killed, and started again on its data: what was answered is there, what waits meanwhile is carried
  // out.
  async reconnect(redis) {
    for (let i = 0; i < 100; i++) await redis.rpush('log', `${i}`);
    assert.strictEqual(await redis.get('none'), null);
    const closed = new Promise((resolve) => redis.once('close', resolve));
    redis.on('error', () => {}); // refused connections, while nobody listens
    console.log('kill it');
    await closed;
    const waits = redis.rpush('log', 'afterwards');
    console.log('start it');
    assert.strictEqual(await waits, 101);
    assert.deepStrictEqual(await redis.lrange('log', -2, -1), ['99', 'afterwards']);
  },

  // The server loads while this runs: "ready" must come only when it is through.
  async loading() {
    const asked = [];
    const redis = new Redis({ host: '127.0.0.1', port, maxLoadingRetryTime: 200, disableClientInfo: true }); // INFO comes first
    const info = redis.info;
    redis.info = function spy(callback) {
      const sent = info.call(this, (error, text) => {
        asked.push(error ? error.message : /\nloading:(\d)/.exec(text)[1]);
        callback(error, text);
      });
      if (asked.length === 0) console.log('asked');
      return sent;
    };
    assert.match(await redis.get('key:0'), /^v+$/);
    assert.strictEqual(asked[0], '1', 'the first INFO said that it loads');
    assert.strictEqual(asked[asked.length - 1], '0', 'the last INFO said that it is through');
    redis.disconnect();
  },
};

async function main() {
  const name = process.argv[4];
  if (name === 'loading') {
    await stories.loading();
    return;
  }
  const redis = new Redis({ host: '127.0.0.1', port, maxRetriesPerRequest: null });
  await new Promise((resolve, reject) => redis.once('ready', resolve).once('error', reject));
  await redis.flushall();
  await stories[name](redis);
  assert.strictEqual(await redis.quit(), 'OK');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
