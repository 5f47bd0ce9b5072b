#!/usr/bin/env bash
# Builds the libraries of NVIDIA as they are on the CPU (on_cpu.h) into a folder: build.sh FOLDER
# Needs a C compiler and CUDA_HOME, for the headers. One library under all their names: put the folder first in
# LD_LIBRARY_PATH, before that of the toolkit. Functions that are not written are there, too, and say so when called. What
# was built is checked (check.c).
set -euo pipefail
folder=$(mkdir -p "${1:?the folder to build in}" && cd "$1" && pwd)
cd "$(dirname "$0")"
headers=${CUDA_HOME:?names the CUDA toolkit, of which the headers are needed}/include
cc=${CC:-cc}

# All functions of the headers, with the status that says "not supported".
functions() {
    printf '#include <cuda.h>\n#include <cublas_v2.h>\n#include <cudnn.h>\n#include <curand.h>\n#include <nvrtc.h>\n' |
        $cc -E -P -I"$headers" - | grep -ohE '\b(cu|cublas|cudnn|curand|nvrtc)[A-Z][A-Za-z0-9_]*[[:space:]]*\(' |
        tr -d '( \t' | sort -u
}
declare -A status=([cu]=801 [cublas]=15 [cudnn]=3000 [curand]=105 [nvrtc]=11)
objects=()
for part in memory work order streams device modules nvrtc candle cublas cudnn curand; do
    $cc -std=gnu11 -Wall -Wextra -Werror -O3 -ffp-contract=off -fPIC -I"$headers" -c $part.c -o "$folder/$part.o"
    objects+=("$folder/$part.o")
done
nm --defined-only "${objects[@]}" | awk '$2 == "T" {print $3}' | sort -u > "$folder/written"
{
    echo '#include <stdio.h>'
    functions | comm -23 - "$folder/written" | while read -r name; do
        library=${name%%[A-Z]*}
        echo "int $name(void) { fprintf(stderr, \"cuda on cpu: $name is not written\\n\"); return ${status[$library]}; }"
    done
} > "$folder/unwritten.c"
$cc -w -fPIC -c "$folder/unwritten.c" -o "$folder/unwritten.o"

# The versions of the names that programs are linked against.
cat > "$folder/versions" <<END
libcublas.so.13 { global: cublas*; };
libcudnn.so.9 { global: cudnn*; };
libcurand.so.10 { global: curand*; };
libnvrtc.so.13 { global: nvrtc*; };
END
$cc -shared -Wl,-soname,libcuda.so.1 -o "$folder/cuda-on-cpu.so" "${objects[@]}" "$folder/unwritten.o" -Wl,--version-script="$folder/versions" \
    -lm -ldl -lpthread
for name in libcuda.so.1 libcublas.so.13 libcudnn.so.9 libcurand.so.10 libnvrtc.so.13; do
    ln -sf cuda-on-cpu.so "$folder/$name"
done
rm "$folder"/*.o

$cc -std=gnu11 -Wall -Wextra -Werror -O1 -I"$headers" -o "$folder/check" check.c "$folder/cuda-on-cpu.so" \
    -Wl,-rpath,"$folder" -lm
"$folder/check"
