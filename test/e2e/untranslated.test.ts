/** No private source leaves a masqueraded interface as it is: neither by a policy's leave nor by a redirect's. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { countDrops, editExample } from '../lab/masqc.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const untranslated = suite('untranslated');
const { internet, wan } = addresses;
const NO_ANSWER = 28; // curl: timed out
const DMZ_GATEWAY = '192.168.2.1';

/** The servers are forgotten in the masquerade; a redirect on the dmz leads to a server outside. */
const text = editExample(
  ['from      home, servers', 'from      home'],
  [
    'redirect xterm {',
    `redirect outward {
  interface dmz
  listen    tcp 8081 to ${internet}:80
  allow     from any
}

redirect xterm {`,
  ],
);

for (const kind of ['tun', 'ethernet'] as const) {
  untranslated(`a source that no masquerade takes does not leave: wan ${kind}`, async () => {
    const network = await openApplied({ wan: kind }, text);
    const count = async (): Promise<number> => (await countDrops(network.gateway))('untranslated');
    const curl = (from: string, url: string) => network.at(from).run(['curl', '-sS', '-m', '1', url]);
    const line = await listen(network.at('isp'), 'line0', 'src net 192.168.0.0/16');

    assert.is((await curl('yoda', `http://${internet}/`)).code, NO_ANSWER);
    const byPolicy = await count();
    assert.ok(byPolicy > 0, 'what the policy allows is counted under its reason');
    assert.is((await curl('leia', `http://${DMZ_GATEWAY}:8081/`)).code, NO_ANSWER);
    assert.ok((await count()) > byPolicy, 'what the redirect allows, too');
    assert.equal(await line.end(), []);
    assert.is((await countDrops(network.gateway))('denied'), 0);

    assert.match((await curl('han', `http://${internet}/`)).out, `internet greets ${wan}:`);
    assert.match((await curl('han', `http://${DMZ_GATEWAY}:8081/`)).out, `internet greets ${wan}:`);
    assert.match((await curl('leia', `http://${wan}/`)).out, `yoda greets ${wan}:`, 'client and target in one network');
    assert.match((await curl('han', `http://${wan}/`)).out, `yoda greets ${addresses.han}:`);
    network.close();
  });
}

untranslated.run();
