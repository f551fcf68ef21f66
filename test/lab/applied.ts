import { ArticleNetwork, type NetworkOptions } from './article-network.ts';
import { example, mustMasqc, writeGatewayFile } from './masqc.ts';
import { startEchoServer, startWebServer } from './servers.ts';

/**
 * The article's network with a gateway file applied in it, web and echo servers (ports 80 and 7) on internet, yoda and
 * han. For the head of a test file: it closes with the process.
 *
 * @param text the gateway file; the example when left out
 */
export async function openApplied(options: Partial<NetworkOptions> = {}, text?: string): Promise<ArticleNetwork> {
  const network = await ArticleNetwork.open(options);
  const places = ['internet', 'yoda', 'han'].map((name) => network.at(name));
  await Promise.all(places.flatMap((place) => [startWebServer(place), startEchoServer(place)]));
  await mustMasqc(network.gateway, 'apply', text === undefined ? example : writeGatewayFile(text));
  return network;
}

/** What carried the test's name on the four kinds of lines that a gateway can have. */
export const lines: readonly NetworkOptions[] = [
  { wan: 'tun', cables: 'offload' },
  { wan: 'ethernet', cables: 'offload' },
  { wan: 'tun', cables: 'wire' },
  { wan: 'ethernet', cables: 'wire' },
];
