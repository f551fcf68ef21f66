import { needs } from '../lab/skip.ts';
import { testPortLimits } from './port-limits.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');
testPortLimits(4);
