/** The API's words as the pages use them; their shapes come from the generated schema. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Session = Schemas['Session'];
export type WorklistItem = Schemas['WorklistItem'];
export type AiState = WorklistItem['ai_state'];
export type StudyDetail = Schemas['StudyDetail'];
export type Series = Schemas['Series'];
export type Instance = Schemas['Instance'];
export type Run = Schemas['Run'];
export type RunState = Run['state'];
export type RunMap = Schemas['RunMap'];
export type Finding = Schemas['Finding'];
export type Decision = Schemas['Decision'];
export type Deployment = Schemas['Deployment'];
export type Peer = Schemas['Peer'];
export type PendingPeer = Schemas['PendingPeer'];
export type LogEvent = Schemas['Event'];
export type PeerPolicy = Schemas['PeerPolicy'];
export type PeerService = PeerPolicy['services'][number];
export type ConflictPolicy = Schemas['ConflictPolicy'];
export type Timeline = Schemas['Timeline'];
export type Step = Schemas['Step'];
export type ReplayRequest = Schemas['ReplayRequest'];
export type Activity = Schemas['Activity'];
export type Deletion = Schemas['Deletion'];
export type Conflict = Schemas['Conflict'];
export type Order = Schemas['Order'];
export type OrderMatch = Schemas['OrderMatch'];
export type UnmatchedStudy = Schemas['UnmatchedStudy'];
export type MatchDetail = Schemas['MatchDetail'];
export type Correction = Schemas['Correction'];
export type SaidAttribute = Schemas['SaidAttribute'];
export type PatientSaid = Schemas['PatientSaid'];
export type KnownPatient = Schemas['KnownPatient'];
export type Difference = Schemas['AttributeDifference'];
