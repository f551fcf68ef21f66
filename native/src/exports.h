#pragma once
#include <napi.h>

void exportHandles(Napi::Object exports);
void exportObject(Napi::Object exports);
void exportMap(Napi::Object exports);
void exportMapBatch(Napi::Object exports);
void exportRing(Napi::Object exports);
void exportProgram(Napi::Object exports);
void exportLink(Napi::Object exports);
void exportLinker(Napi::Object exports);
void exportClsact(Napi::Object exports);
void exportInterface(Napi::Object exports);
