/** Opens a laboratory with a web server in it, says `ready`, and waits to be ended. For the laboratory's own tests. */
import { ArticleNetwork } from '../article-network.ts';
import { startWebServer } from '../servers.ts';

const network = await ArticleNetwork.open();
await startWebServer(network.at('internet'));
console.log('ready');
