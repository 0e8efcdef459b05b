# Plants a program that a check may find before the real one.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
printf '#!/bin/sh\nexit 0\n' > sh; chmod +x sh
