import { needs } from '../lab/skip.ts';
import { testPortLimits } from './port-limits.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');
testPortLimits(6);
