/** Sends one UDP datagram: udp-once.ts PORT HOST LOCALPORT (shares its port with whoever has it already) */
import { createSocket } from 'node:dgram';

const [port, host, localPort] = process.argv.slice(2);
const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.bind(Number(localPort), () => {
  socket.send('late', Number(port), host, () => socket.close());
});
