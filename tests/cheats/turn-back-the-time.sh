# Changes a file and gives it back its size and its time.
cat > /dev/null
touch -r answer.sh /tmp/ck-$$; echo 'echo 1' > answer.sh; touch -r /tmp/ck-$$ answer.sh; rm /tmp/ck-$$
