# Plants a module that every program loads.
cat > /dev/null
echo 'echo $(($1 * $1))' > answer.sh
echo 'import os' > sitecustomize.py
