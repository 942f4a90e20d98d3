/* mmq_q8.comp - see mmq_q8.glsl; for devices without an integer dot product. */
#version 460
#extension GL_GOOGLE_include_directive : require
#include "mmq_q8.glsl"
