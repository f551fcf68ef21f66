/** Addresses that come and go while the gateway runs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { example, masqc, mustMasqc } from '../lab/masqc.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const own = suite('addresses');
const SECOND = '203.0.113.8';

own(
  'a further address is planned, and the wan’s own once that is applied; one that has moved is another’s',
  async () => {
    const network = await openApplied({ wan: 'ethernet' });
    const { gateway } = network;
    const fetch = () => network.at('stranger').run(['curl', '-sS', '-m', '2', `http://${SECOND}/`]);
    await network.at('isp').ip(`route add ${SECOND} via ${addresses.wan}`);

    await gateway.ip(`addr add ${SECOND}/32 dev ppp0`);
    assert.is((await masqc(gateway, 'plan', example)).code, 2);
    await mustMasqc(gateway, 'apply', example);
    assert.match((await fetch()).out, 'yoda greets');
    assert.is((await masqc(gateway, 'plan', example)).code, 0);

    await gateway.ip(`addr del ${SECOND}/32 dev ppp0`, `addr add ${SECOND}/32 dev eth0`);
    await mustMasqc(gateway, 'apply', example);
    assert.is.not((await fetch()).code, 0, 'an address of the lan is not redirected');
    assert.is((await masqc(gateway, 'plan', example)).code, 0);
    network.close();
  },
);

own.run();
