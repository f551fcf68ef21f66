/** Addresses that come and go while the gateway runs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { editExample, example, masqc, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const own = suite('addresses');
const SECOND = '203.0.113.8';
const network = await openApplied({ wan: 'ethernet' });
const { gateway } = network;

own(
  'a further address is planned, and the wan’s own once that is applied; one that has moved is another’s',
  async () => {
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
  },
);

own('an outside address on no interface is noted, with the command that makes it reachable', async () => {
  const file = writeGatewayFile(
    editExample([/(masquerade home-out \{[^}]*interface wan\n)/, `$1  address   203.0.113.9\n`]),
  );
  const plan = await masqc(gateway, 'plan', file);
  assert.is(plan.code, 2, plan.err);
  const [, command = ''] =
    /masquerade home-out: 203\.0\.113\.9 stands on no .*Then: (ip addr add .*)$/m.exec(plan.out) ?? [];
  assert.is(command, 'ip addr add 203.0.113.9/32 dev ppp0');
  await mustMasqc(gateway, 'apply', file);
  const diagnose = async () => {
    const { findings } = JSON.parse((await masqc(gateway, 'doctor', '--json')).out) as {
      findings: { id: string; mend: string }[];
    };
    return findings.find(({ id }) => id === 'outside-address')?.mend;
  };
  assert.is(await diagnose(), command);
  const fetch = () => network.at('han').run(['curl', '-sS', '-m', '2', `http://${addresses.internet}/`]);
  assert.is.not((await fetch()).code, 0, 'nobody answers for it');
  await gateway.ask(...command.split(' '));
  await network.at('isp').run(['ip', 'neigh', 'flush', 'all']);
  const page = await fetch();
  assert.is(page.code, 0, page.err);
  assert.is(await diagnose(), undefined);
});

own.run();
